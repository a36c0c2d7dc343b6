/** Letting people in: the calls. */
import { type Schemas, given, own } from '$lib/api/client';

export type CheckedIn = Schemas['CheckedIn'];
export type Attendance = Schemas['Attendance'];

/** Uses a ticket, once; where a performance is named, only one to that. */
export function checkIn(code: string, performance: string | undefined): Promise<CheckedIn> {
  return given(
    own.POST('/api/v1/tickets/{code}/check-in', {
      params: { path: { code } },
      body: performance ? { performance_id: performance } : {},
    }),
  );
}

export async function undoCheckIn(code: string): Promise<void> {
  await given(own.DELETE('/api/v1/tickets/{code}/check-in', { params: { path: { code } } }));
}

export function attendance(performance: string): Promise<Attendance> {
  const params = { path: { performance_id: performance } };
  return given(own.GET('/api/v1/performances/{performance_id}/check-ins', { params }));
}
