/** A tone for who may enter, and another, twice, for who may not: for doors where nobody looks at the screen. */
let context: AudioContext | undefined;

export function beep(good: boolean): void {
  context ??= new AudioContext();
  const tones = good ? [880] : [220, 220];
  tones.forEach((frequency, at) => tone(frequency, at * 0.2));
}

function tone(frequency: number, afterS: number): void {
  if (!context) return;
  const [source, volume] = [context.createOscillator(), context.createGain()];
  source.frequency.value = frequency;
  volume.gain.value = 0.15;
  source.connect(volume).connect(context.destination);
  const begin = context.currentTime + afterS;
  source.start(begin);
  source.stop(begin + 0.15);
}
