/** Every frame of a video file, however slow the browser is. */

/** Seconds between the places where the first frames are looked for: no usual camera is faster. */
const FIRST_STEP = 1 / 120;
/** First frames whose places tell how far frames lie apart. */
const MEASURED = 3;
/** Seconds up to which times are the same: browsers round them to microseconds. */
const SAME = 1e-4;
/** How many usual distances frames lie apart at least if one between them is missing. */
const GAP = 1.5;

/** A video that stands still at one of its frames. */
export interface HeldVideo {
  /** Seconds at which its last frame ends. */
  readonly end: number;
  /** Whether its user wants no more of it. */
  readonly isStopped: boolean;
  /** Shows one of the next frames, the very next if there is time, and returns its time; null at the end. */
  next(): Promise<number | null>;
  /** Shows the frame at a time in seconds, and returns when that frame begins. */
  seek(seconds: number): Promise<number>;
}

/**
 * Yields the time of each frame in seconds, in order; it is shown until the next is asked for.
 *
 * Frames that a late browser leaves out are sought. Where the time between frames changes, those
 * closer together than any seen before may still be missed.
 */
export async function* everyFrame(video: HeldVideo): AsyncGenerator<number> {
  let last = await video.seek(0);
  let apart = Infinity;
  yield last;
  for (let count = 1, place = last; count < MEASURED && !video.isStopped; ) {
    place += FIRST_STEP;
    if (place > video.end) return;
    const found = await video.seek(place);
    if (found <= last + SAME) continue;
    apart = Math.min(apart, found - last);
    last = found;
    count++;
    yield last;
  }
  while (!video.isStopped) {
    const shown = await video.next();
    const until = shown ?? video.end;
    let [place, sought] = [last + apart, false];
    while (until - place > (GAP - 1) * apart && !video.isStopped) {
      // a little later, as times are rounded
      const found = await video.seek(place + apart / 4);
      sought = true;
      if (found > last + SAME && found < until - SAME) {
        apart = Math.min(apart, found - last);
        last = found;
        yield last;
        place = found;
      }
      place += apart;
    }
    if (shown === null || video.isStopped) return;
    if (shown <= last + SAME) continue;
    if (sought) await video.seek(shown + SAME);
    apart = Math.min(apart, shown - last);
    last = shown;
    yield last;
  }
}
