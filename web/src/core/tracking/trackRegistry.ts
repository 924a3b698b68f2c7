/** The tracks of all people: new identities, and lost ones that are found again. */

import type { Box } from "../detection/boxes";
import type { DetectedFace } from "../detection/faceDetector";
import { xyOf } from "../detection/faceDetector";
import type { FaceEstimate } from "../estimator";
import type { HeadModel } from "../head/headModel";
import { centreAndSize } from "./cropRegion";
import { FaceTrack } from "./faceTrack";
import { appearanceOf, CERTAIN_MATCH, costOfSame, SAME, type Traces } from "./identity";
import { LiveSmoother } from "./liveSmoother";

/** Frames of a new face after which it is compared once more with the lost ones. */
const TRIALS = new Set([4, 8, 16]);
/** Score from which a found face that matches no lost one is followed. */
const NEW_FACE_THRESHOLD = 0.7;
/** How many lost faces are kept for re-identification. */
const MOST_LOST = 64;

export class TrackRegistry {
  /** All that are followed or kept for re-identification, in the order of their start. */
  tracks: FaceTrack[] = [];
  /** For each newer number of a person, the older one that it was merged into. */
  readonly merged = new Map<number, number>();
  private nextId = 0;
  private refused: { readonly seconds: number; readonly box: Box }[] = [];

  constructor(private readonly head: HeadModel) {}

  get followed(): FaceTrack[] {
    return this.tracks.filter((track) => track.isFollowed);
  }

  get lost(): FaceTrack[] {
    return this.tracks.filter((track) => !track.isFollowed);
  }

  /** Loses every face: the scene has changed. */
  loseAll(): void {
    for (const track of this.tracks) track.status = "lost before a cut";
    this.refused = [];
  }

  /** Remembers what looked like a face and was none. */
  refuse(boxes: readonly Box[], seconds: number): void {
    this.refused.push(...boxes.map((box) => ({ seconds, box })));
  }

  /** Returns the boxes refused after a time, and forgets the others. */
  refusedSince(seconds: number): Box[] {
    this.refused = this.refused.filter((one) => one.seconds > seconds);
    return this.refused.map(({ box }) => box);
  }

  /**
   * Returns the lost track that a found face goes on with, or a new one, followed from now on; null
   * where the face matches no lost one and is too uncertain to be a new one.
   */
  identify(face: DetectedFace, estimate: FaceEstimate, seconds: number): FaceTrack | null {
    const outline = xyOf(face.landmarks);
    const { centre, size } = centreAndSize(outline);
    const found: Traces = {
      appearance: appearanceOf(estimate.upright), shape: estimate.parameters.shape, position: centre, speed: [0, 0], size, seconds,
    };
    let track = best(this.lost, (lost) => costOfSame(lost.traces(), found, lost.status === "lost before a cut"), SAME);
    if (!track) {
      if (face.score < NEW_FACE_THRESHOLD) return null;
      track = new FaceTrack(this.nextId++, new LiveSmoother(this.head), outline, estimate, seconds, face.score);
      this.tracks.push(track);
    }
    track.status = "followed";
    track.score = face.score;
    track.placeAt(outline);
    return track;
  }

  /** Merges new identities into lost ones where appearance and shape show the same person. */
  mergeReidentified(): void {
    for (const track of this.followed.filter(({ frames }) => TRIALS.has(frames))) {
      const traces = track.traces();
      const older = this.lost.filter(({ frames }) => frames > track.frames);
      const same = best(older, (other) => costOfSame(other.traces(), traces, true), CERTAIN_MATCH);
      if (!same) continue;
      this.tracks = this.tracks.filter((other) => other !== same);
      for (const [newer, into] of this.merged) if (into === track.id) this.merged.set(newer, same.id);
      this.merged.set(track.id, same.id);
      track.become(same);
    }
  }

  /** Drops the faces that were lost longest ago, beyond those that are kept. */
  forgetOldest(): void {
    const dropped = new Set(this.lost.sort((a, b) => b.seconds - a.seconds).slice(MOST_LOST));
    if (dropped.size) this.tracks = this.tracks.filter((track) => !dropped.has(track));
  }
}

/** Returns the track of the least cost, null where none is up to `most`. */
function best(tracks: readonly FaceTrack[], cost: (track: FaceTrack) => number, most: number): FaceTrack | null {
  let [found, least]: [FaceTrack | null, number] = [null, most];
  for (const track of tracks) {
    const own = cost(track);
    if (own < least || (own === least && !found)) [found, least] = [track, own];
  }
  return found;
}
