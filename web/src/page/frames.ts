/** Pictures of photos, video files and cameras, on a canvas and as pixels. */

import type { Picture } from "../core";
import { everyFrame, type HeldVideo } from "./everyFrame";

/** Longest side in pixels to which photos, and frames of videos are reduced. */
const [LONGEST_PHOTO, LONGEST_FRAME] = [1600, 960];
/** Size that is asked of a camera; it may give another. */
const CAMERA = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };
/** Milliseconds after a search until the frame found counts as shown, a choice. */
const LONGEST_SHOWING = 100;

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
  private address = "";
  private ended: (() => void) | null = null;

  /** @param video an element of the document: browsers show frames of others seldom or not at all. */
  constructor(private readonly frame: Frame, private readonly video: HTMLVideoElement) {}

  /**
   * Hands out every frame of a file, which is held at each until it is done.
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
    const held = new HeldElement(this.video);
    this.ended = () => held.stop();
    try {
      await held.findEnd();
      for await (const seconds of everyFrame(held)) {
        if (held.isStopped) break;
        await onFrame(this.pixels(), seconds);
      }
    } finally {
      this.stop();
    }
  }

  /** Plays the camera until {@link stop}. @throws Error if there is none or the user declines. */
  async playCamera(onFrame: OnFrame): Promise<void> {
    this.stop();
    if (!navigator.mediaDevices) throw new Error("the camera needs a page from https or from this machine");
    this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: CAMERA, audio: false }).catch((error: Error) => {
      throw new Error(`the camera cannot be used (${error.message}): allow it, and close other programs that use it`);
    });
    let failure: unknown = null;
    const finished = new Promise<void>((resolve) => (this.ended = resolve));
    const next = async (): Promise<void> => {
      try {
        await onFrame(this.pixels(), performance.now() / 1000);
      } catch (error) {
        failure = error;
        this.stop();
      }
      if (this.ended) this.video.requestVideoFrameCallback(next);
    };
    this.video.requestVideoFrameCallback(next);
    await play(this.video);
    await finished;
    if (failure) throw failure;
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

  private pixels(): Picture {
    return this.frame.take(this.video, this.video.videoWidth, this.video.videoHeight, LONGEST_FRAME);
  }
}

/** A file in a video element, which stands still but between two frames. */
class HeldElement implements HeldVideo {
  end = 0;
  isStopped = false;
  private readonly stopped: Promise<null>;
  private resolveStopped!: (value: null) => void;

  constructor(private readonly video: HTMLVideoElement) {
    this.stopped = new Promise((resolve) => (this.resolveStopped = resolve));
  }

  /** Lets who waits for a frame go on; no more are shown. */
  stop(): void {
    this.isStopped = true;
    this.resolveStopped(null);
  }

  /** Finds out how long a file lasts that does not tell it, as those that browsers record. */
  async findEnd(): Promise<void> {
    if (!Number.isFinite(this.video.duration)) await this.seek(Number.MAX_SAFE_INTEGER);
    this.end = Number.isFinite(this.video.duration) ? this.video.duration : this.video.currentTime;
  }

  async next(): Promise<number | null> {
    let waiting = 0;
    const shown = new Promise<void>((resolve) => (waiting = this.video.requestVideoFrameCallback(() => resolve())));
    const over = new Promise<null>((resolve) => (this.video.onended = () => resolve(null)));
    await play(this.video);
    const last = await Promise.race([shown, over, this.stopped]);
    this.video.pause();
    this.video.cancelVideoFrameCallback(waiting);
    return last === null ? null : this.shownTime();
  }

  async seek(seconds: number): Promise<number> {
    let waiting = 0;
    const shown = new Promise<void>((resolve) => (waiting = this.video.requestVideoFrameCallback(() => resolve())));
    const sought = new Promise<void>((resolve) => (this.video.onseeked = () => resolve()));
    this.video.currentTime = seconds;
    await Promise.race([sought, this.stopped]);
    // what was shown before is not always shown anew
    const late = new Promise<void>((resolve) => setTimeout(resolve, LONGEST_SHOWING));
    await Promise.race([shown, late, this.stopped]);
    this.video.cancelVideoFrameCallback(waiting);
    return this.isStopped ? this.video.currentTime : this.shownTime();
  }

  /** Returns when the frame begins that the element shows, which may not be the one it told of. */
  private shownTime(): number {
    const frame = new VideoFrame(this.video);
    const seconds = frame.timestamp / 1e6;
    frame.close();
    return seconds;
  }
}

async function play(video: HTMLVideoElement): Promise<void> {
  await video.play().catch((error: Error) => {
    // a stop, or a frame that is held at once, ends the play that was asked for
    if (error.name !== "AbortError") throw error;
  });
}
