// Two soft tones, made here: no file to fetch. A browser lets a page sound only after somebody has touched it.
const TONES = [523.25, 783.99]; // Hz: C5, G5
const LENGTH = 0.28; // seconds
const LOUDNESS = 0.14;

let audio = null;

// Whether it can be heard by now; call it from a click or a key to make it so.
export async function wake() {
  audio ??= window.AudioContext ? new AudioContext() : null;
  if (audio?.state === "suspended") await Promise.race([audio.resume(), new Promise((go) => setTimeout(go, 1_500))]);
  return audio?.state === "running";
}

export async function chime() {
  if (!(await wake())) return false;
  TONES.forEach((pitch, index) => {
    const begin = audio.currentTime + index * 0.16;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0005, begin + LENGTH);
    tone.connect(volume).connect(audio.destination);
    tone.start(begin);
    tone.stop(begin + LENGTH);
  });
  return true;
}
