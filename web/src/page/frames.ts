/** Pictures of photos, video files and cameras, on a canvas and as pixels. */

import type { Picture } from "../core";

/** Longest side in pixels to which photos, and frames of videos are reduced. */
const [LONGEST_PHOTO, LONGEST_FRAME] = [1600, 960];
/** Size that is asked of a camera; it may give another. */
const CAMERA = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };
/** Part of the time between frames that an estimate may take before a file is held meanwhile. */
const ROOM = 0.8;
/** Slowest and usual speed of a file, as browsers allow and as it was taken. */
const [SLOWEST, USUAL] = [0.0625, 1];
/** How many times as long as it lasts a frame may take before a file is played more slowly. */
const BEARABLE = 2;

/** A picture that can be drawn and read. */
export class Frame {
  private readonly canvas = new OffscreenCanvas(1, 1);
  private readonly context = this.canvas.getContext("2d", { willReadFrequently: true })!;

  /** Takes over a picture's pixels, reduced to a longest side, and returns them. */
  take(source: CanvasImageSource, width: number, height: number, longest: number): Picture {
    const zoom = Math.min(1, longest / Math.max(width, height));
    const [across, down] = [Math.round(width * zoom), Math.round(height * zoom)];
    if (this.canvas.width !== across || this.canvas.height !== down) [this.canvas.width, this.canvas.height] = [across, down];
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(source, 0, 0, across, down);
    return this.context.getImageData(0, 0, across, down);
  }

  get picture(): OffscreenCanvas {
    return this.canvas;
  }
}

/** Returns a photo's pixels, upright. @throws Error if the browser cannot read it. */
export async function photoPixels(frame: Frame, file: File): Promise<Picture> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is no picture that this browser reads: save it as JPEG or PNG`);
  });
  const pixels = frame.take(bitmap, bitmap.width, bitmap.height, LONGEST_PHOTO);
  bitmap.close();
  return pixels;
}

/** Called with each frame of a video and its time in seconds, one after the other. */
export type OnFrame = (pixels: Picture, seconds: number) => Promise<void>;

/** Plays a video file or a camera and hands out its frames. */
export class Player {
  /** Frames that the browser showed but nobody saw, as the one before still took time. */
  dropped = 0;
  private address = "";
  private ended: (() => void) | null = null;

  /** @param video an element of the document: browsers show frames of others seldom or not at all. */
  constructor(private readonly frame: Frame, private readonly video: HTMLVideoElement) {}

  /**
   * Plays a file to its end; it is held while an estimate takes longer than frames last.
   *
   * @throws Error if the browser cannot read it.
   */
  async playFile(file: File, onFrame: OnFrame): Promise<void> {
    this.stop();
    this.address = URL.createObjectURL(file);
    this.video.srcObject = null;
    this.video.src = this.address;
    await new Promise((resolve, reject) => {
      this.video.onloadeddata = resolve;
      this.video.onerror = () =>
        reject(new Error(`${file.name} is no video that this browser plays: save it as MP4 (H.264) or WebM`));
    });
    this.video.onerror = null;
    await this.run(onFrame, true);
  }

  /** Plays the camera until {@link stop}. @throws Error if there is none or the user declines. */
  async playCamera(onFrame: OnFrame): Promise<void> {
    this.stop();
    if (!navigator.mediaDevices) throw new Error("the camera needs a page from https or from this machine");
    this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: CAMERA, audio: false }).catch((error: Error) => {
      throw new Error(`the camera cannot be used (${error.message}): allow it, and close other programs that use it`);
    });
    await this.run(onFrame, false);
  }

  /** Ends what is played. */
  stop(): void {
    this.video.pause();
    if (this.video.srcObject instanceof MediaStream) this.video.srcObject.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
    if (this.address) {
      this.video.removeAttribute("src");
      this.video.load();
      URL.revokeObjectURL(this.address);
    }
    this.address = "";
    this.ended?.();
    this.ended = null;
  }

  private async run(onFrame: OnFrame, held: boolean): Promise<void> {
    this.dropped = 0;
    let [shown, last, took, seen] = [0, -1, 0, 0];
    let [busy, over] = [false, false];
    let failure: unknown = null;
    const end = (): void => {
      // a browser that is late leaves out frames of a file without showing them
      if (held) this.dropped = Math.max(this.video.getVideoPlaybackQuality().totalVideoFrames - seen, 0);
      this.stop();
    };
    const finished = new Promise<void>((resolve) => {
      this.ended = resolve;
      this.video.onended = () => {
        // the last frame may still be in work
        if (busy) over = true;
        else end();
      };
    });
    const next = async (_: number, about: VideoFrameCallbackMetadata): Promise<void> => {
      const begin = performance.now();
      if (shown) this.dropped += Math.max(about.presentedFrames - shown - 1, 0);
      shown = about.presentedFrames;
      const seconds = this.video.srcObject ? begin / 1000 : about.mediaTime;
      const between = seconds - last;
      const waits = held && !this.video.ended && (last < 0 || took > 1000 * between * ROOM);
      if (waits) this.video.pause();
      busy = true;
      if (between > 0) seen++;
      try {
        if (between > 0) await onFrame(this.frame.take(this.video, about.width, about.height, LONGEST_FRAME), seconds);
      } catch (error) {
        failure = error;
        over = true;
      }
      busy = false;
      took = performance.now() - begin;
      // a slow machine would show the next frame late, and skip some
      if (held) this.video.playbackRate = last < 0 ? SLOWEST : Math.min(Math.max((1000 * between * BEARABLE) / took, SLOWEST), USUAL);
      last = seconds;
      if (over) end();
      if (!this.ended) return;
      this.video.requestVideoFrameCallback(next);
      if (waits) await this.play();
    };
    this.video.requestVideoFrameCallback(next);
    // at usual speed a slow machine would miss the first frames
    this.video.playbackRate = held ? SLOWEST : USUAL;
    await this.play();
    await finished;
    if (failure) throw failure;
  }

  private async play(): Promise<void> {
    await this.video.play().catch((error: Error) => {
      // a stop, or a frame that is held at once, ends the play that was asked for
      if (error.name !== "AbortError") throw error;
    });
  }
}
