/** What the dashboard asks the server, and what it does through it. */
import { type Schemas, given, own, ownOnce } from '$lib/api/client';

/** Units by their state. `drift` is the capacity minus the rest: anything but 0 is an alarm. */
export type Stock = Schemas['StatsDto'];
export type Section = Schemas['SaleSection'];
export type PerformanceFigures = Schemas['SalePerformance'];
export type Room = Schemas['SaleRoom'];
export type Traffic = Schemas['SaleTraffic'];
/** How all of the event stood at a second. */
export type Moment = Schemas['SaleMoment'];
export type Figures = Schemas['Sale'];
export type Action = Schemas['SaleAction'];
export type RoomChange = Omit<Schemas['ControlPatch'], 'reason'>;
export type SaleChange = Pick<Schemas['PerformancePatch'], 'sale_opens_at' | 'sale_closes_at'>;

const LISTED = 20;

/** How the sale stands, with the seconds after `since`, all that are known if there is none; asked once. */
export function figures(
  event: string,
  since: number | undefined,
  signal: AbortSignal,
): Promise<Figures> {
  const query = since === undefined ? {} : { since };
  const params = { path: { event_id: event }, query };
  return given(ownOnce.GET('/api/v1/events/{event_id}/sale', { params, signal }));
}

/** What was done by hand, newest first; asked once. */
export function actions(
  event: string,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<Schemas['PageDto_SaleAction']> {
  const query = { limit: LISTED, ...(cursor ? { cursor } : {}) };
  const params = { path: { event_id: event }, query };
  return given(ownOnce.GET('/api/v1/events/{event_id}/actions', { params, signal }));
}

const because = (reason: string | undefined) => (reason ? { reason } : {});

export function changeRoom(event: string, change: RoomChange, reason?: string): Promise<unknown> {
  const params = { path: { event_id: event } };
  const body = { ...change, ...because(reason) };
  return given(own.PATCH('/api/v1/events/{event_id}/queue/control', { params, body }));
}

/** Every hold lasts at least so long from now; gives how many there were. */
export function extendHolds(
  performance: string,
  bySeconds: number,
  reason?: string,
): Promise<{ extended: number }> {
  const params = { path: { performance_id: performance } };
  const body = { by_s: bySeconds, ...because(reason) };
  return given(own.POST('/api/v1/performances/{performance_id}/holds/extend', { params, body }));
}

export function changeSale(
  performance: string,
  change: SaleChange,
  reason?: string,
): Promise<unknown> {
  const params = { path: { performance_id: performance } };
  const body = { ...change, ...because(reason) };
  return given(own.PATCH('/api/v1/performances/{performance_id}', { params, body }));
}
