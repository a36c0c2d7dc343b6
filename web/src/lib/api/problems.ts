/**
 * What can go wrong with a request, in one shape.
 *
 * Invariant: whatever is thrown by a call of the interface is a `Problem`; its code is a reason code of the server, or
 * `network` when no answer came.
 */
import type { Catalogue } from '$lib/messages/en';

export type ReasonCode = keyof Catalogue['reasons'];

export interface ProblemDocument {
  status: number;
  code: string;
  detail?: string;
  request_id?: string;
  [extra: string]: unknown;
}

export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: string;
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly requestId: string | undefined;
  readonly extras: Readonly<Record<string, unknown>>;

  constructor(document: ProblemDocument, options?: ErrorOptions) {
    super(document.detail ?? document.code, options);
    this.code = document.code;
    this.status = document.status;
    this.requestId = document.request_id;
    this.extras = document;
  }

  /**
   * Whether the request may have been carried out all the same. Repeating it under the same key is then the only way to
   * know, and harmless.
   */
  get undecided(): boolean {
    return this.status === 0 || this.status >= 500 || this.code === 'in_flight';
  }

  /** The field a `validation` refusal is about, such as `buyer.email`. */
  get field(): string | undefined {
    const field = this.extras['field'];
    return this.code === 'validation' && typeof field === 'string' ? field : undefined;
  }

  /** Seats that are not to be had, of `seat_taken`. */
  get unavailable(): number[] {
    const ids = this.extras['unavailable'];
    return Array.isArray(ids) ? ids.filter((id): id is number => typeof id === 'number') : [];
  }

  /** A named extra that is text, such as `expires_at` or `opens_at`. */
  text(name: string): string | undefined {
    const value = this.extras[name];
    return typeof value === 'string' ? value : undefined;
  }
}

/** No answer: the network, a time-out, or a server that is away. */
export function unanswered(cause: unknown): Problem {
  return new Problem({ status: 0, code: 'network' }, { cause });
}

const byStatus: Record<number, ReasonCode> = {
  400: 'validation',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  413: 'body_too_large',
  429: 'rate_limited',
  502: 'unavailable',
  503: 'unavailable',
  504: 'unavailable',
};

/** The problem in an answer that is no success; answers of gateways in between need not be problem documents. */
export function problemOf(response: Response, body: unknown): Problem {
  const requestId = response.headers.get('x-request-id');
  const known = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const code =
    typeof known['code'] === 'string' ? known['code'] : (byStatus[response.status] ?? 'internal');
  return new Problem({
    ...(requestId ? { request_id: requestId } : {}),
    ...known,
    status: response.status,
    code,
  });
}

/** Anything thrown, as a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  // Time-outs come as these; whatever else is thrown is not the network's fault, and retrying would not help.
  if (error instanceof DOMException) return unanswered(error);
  return new Problem({ status: 500, code: 'internal' }, { cause: error });
}
