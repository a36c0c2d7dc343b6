/**
 * Reading QR codes with a camera: by the browser where it can, else by a reader that is loaded for it.
 *
 * Invariant: one look at a time, so many a second at most, and none after the camera was given back.
 */
const LOOK_EVERY_MS = 150;
/** Codes fill a good part of a picture; more pixels only cost time. */
const LONGEST_SIDE = 720;

type Look = (video: HTMLVideoElement) => Promise<string | undefined>;

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

interface DetectorKind {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
}

async function byBrowser(): Promise<Look | undefined> {
  const kind = (globalThis as { BarcodeDetector?: DetectorKind }).BarcodeDetector;
  if (!kind || !(await kind.getSupportedFormats()).includes('qr_code')) return undefined;
  const detector = new kind({ formats: ['qr_code'] });
  return async (video) => (await detector.detect(video))[0]?.rawValue;
}

async function byReader(): Promise<Look> {
  const { decodeQR } = await import('qr/decode.js');
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  return (video) => {
    const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight, 1));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    if (!context || canvas.width === 0) return Promise.resolve(undefined);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
    try {
      return Promise.resolve(decodeQR({ data, width, height }));
    } catch {
      // No code in this picture.
      return Promise.resolve(undefined);
    }
  };
}

/** Whether there may be a camera at all: browsers offer them to secure pages only. */
export function hasCamera(): boolean {
  return typeof navigator.mediaDevices?.getUserMedia === 'function';
}

/** Shows the camera that looks away from its holder, and says what it reads; ends when told to. */
export async function watch(
  video: HTMLVideoElement,
  signal: AbortSignal,
  read: (text: string) => void,
): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: false,
    video: { facingMode: 'environment' },
  });
  const stop = () => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  if (signal.aborted) return stop();
  signal.addEventListener('abort', stop, { once: true });
  video.srcObject = stream;
  await video.play();
  const look = (await byBrowser()) ?? (await byReader());
  const again = async () => {
    if (signal.aborted) return;
    try {
      const text = await look(video);
      if (text && !signal.aborted) read(text);
    } catch {
      // A picture that could not be looked at; there is another in a moment.
    }
    setTimeout(() => void again(), LOOK_EVERY_MS);
  };
  void again();
}
