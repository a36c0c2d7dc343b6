/**
 * Pictures that are kept of the map, to be moved and stretched where drawing it anew would take too long: the last one,
 * and the last one of the whole plan, which fills what the other leaves empty.
 *
 * Invariant: both have the size, the colours and the filter of the map; who is free may have changed since.
 */
import type { Context } from './glyphs';
import type { Size, View } from './viewport';

interface Still {
  picture: HTMLCanvasElement;
  view: View;
}

export class Stills {
  #last: Still | undefined;
  #whole: Still | undefined;

  /** Keeps what is on the canvas. */
  take(canvas: HTMLCanvasElement, view: View, whole: boolean): void {
    this.#last = copied(canvas, view, this.#last);
    if (whole) this.#whole = copied(canvas, view, this.#whole);
  }

  drop(): void {
    this.#last = this.#whole = undefined;
  }

  /** False if there is nothing to show. */
  show(ctx: Context, view: View, size: Size, dpr: number, ground: string): boolean {
    const last = this.#last;
    if (!last) return false;
    ctx.save();
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    ctx.fillStyle = ground;
    ctx.fillRect(0, 0, size.width, size.height);
    for (const still of [this.#whole, last]) {
      if (!still) continue;
      const by = view.k / still.view.k;
      const [x, y] = [view.x - still.view.x * by, view.y - still.view.y * by];
      ctx.drawImage(still.picture, x, y, size.width * by, size.height * by);
    }
    ctx.restore();
    return true;
  }
}

function copied(canvas: HTMLCanvasElement, view: View, before: Still | undefined): Still {
  const picture = before?.picture ?? document.createElement('canvas');
  if (picture.width !== canvas.width) picture.width = canvas.width;
  if (picture.height !== canvas.height) picture.height = canvas.height;
  picture.getContext('2d', { alpha: false })?.drawImage(canvas, 0, 0);
  return { picture, view };
}
