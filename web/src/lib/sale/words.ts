import { sale as en } from '$lib/messages/en/sale';
import { sale as ko } from '$lib/messages/ko/sale';
import { words } from '$lib/messages/own';

export const w = words({ en, ko });
