import { personalData as en } from '$lib/messages/en/personal-data';
import { personalData as ko } from '$lib/messages/ko/personal-data';
import { words } from '$lib/messages/own';

export const w = words({ en, ko });
