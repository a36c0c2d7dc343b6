/** Seating plans on the server: the calls. */
import { Attempts } from '$lib/api/attempts';
import { type Schemas, given, own } from '$lib/api/client';
import { type Problem, asProblem } from '$lib/api/problems';

export type SeatingPlan = Schemas['SeatingPlan'];

const LISTED = 50;

/** The latest plans first; a cursor leads to the page behind it. */
export async function plans(
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<{ items: SeatingPlan[]; next: string | undefined }> {
  const query = { limit: LISTED, ...(cursor ? { cursor } : {}) };
  const page = await given(own.GET('/api/v1/seating-plans', { params: { query }, signal }));
  return { items: page.items, next: page.next_cursor ?? undefined };
}

/**
 * Sends plans off.
 *
 * Invariant: a plan whose outcome is unknown is sent again under its key, so that it is there once.
 */
export class PlanSender {
  readonly #attempts = new Attempts();

  /** Takes the JSON as it is; a refusal is thrown. */
  async send(json: string): Promise<SeatingPlan> {
    try {
      const plan = await given(
        own.POST('/api/v1/seating-plans', {
          body: json as never,
          // It is JSON already, to the byte.
          bodySerializer: (body: unknown) => body as string,
          headers: { 'Idempotency-Key': this.#attempts.keyFor(json) },
        }),
      );
      this.#attempts.decided();
      return plan;
    } catch (error) {
      const problem = asProblem(error);
      if (!problem.undecided) this.#attempts.decided();
      throw problem;
    }
  }
}

export interface PlanError {
  pointer: string;
  detail: string;
}

/** What the server lists of an `invalid_plan`. */
export function errorsOf(problem: Problem): PlanError[] {
  const errors = problem.extras['errors'];
  if (problem.code !== 'invalid_plan' || !Array.isArray(errors)) return [];
  return errors.filter((error): error is PlanError => {
    const { pointer, detail } = (error ?? {}) as Partial<PlanError>;
    return typeof pointer === 'string' && typeof detail === 'string';
  });
}
