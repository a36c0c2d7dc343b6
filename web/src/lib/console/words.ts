import { console as en } from '$lib/messages/en/console';
import { console as ko } from '$lib/messages/ko/console';
import { words } from '$lib/messages/own';

export const w = words({ en, ko });
