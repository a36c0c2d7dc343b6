import { plans as en } from '$lib/messages/en/plans';
import { plans as ko } from '$lib/messages/ko/plans';
import { words } from '$lib/messages/own';

export const w = words({ en, ko });
