/**
 * A message of the device when it is one's turn, for who has said yes to it. Without a sound.
 *
 * Invariant: nothing is asked of the browser but on a press of the button, and nothing shown while the page is seen.
 */
export class Reminder {
  permission = $state<NotificationPermission | 'unsupported'>(
    'Notification' in globalThis ? Notification.permission : 'unsupported',
  );

  async ask(): Promise<void> {
    if (this.permission === 'unsupported') return;
    this.permission = await Notification.requestPermission();
  }

  show(title: string, body: string, tag: string): void {
    if (this.permission !== 'granted' || document.visibilityState !== 'hidden') return;
    try {
      const message = new Notification(title, { body, tag, silent: true });
      message.onclick = () => {
        focus();
        message.close();
      };
    } catch {
      // Some browsers on phones have them only for installed pages; the title of the window says it too.
    }
  }
}
