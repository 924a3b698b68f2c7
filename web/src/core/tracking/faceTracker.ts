/** Follows faces from frame to frame and keeps their identities, as `tracking/tracker.py` does. */

import type { FaceParameters } from "../conventions";
import { overlap, type Box } from "../detection/boxes";
import { xyOf, type DetectedFace, type FaceDetector } from "../detection/faceDetector";
import type { FaceEstimator } from "../estimator";
import type { Affine, Picture } from "../geometry/resampling";
import { headRoll, isPlausible, isRolledOff } from "./cropRegion";
import type { FaceTrack } from "./faceTrack";
import { appearanceDistance, appearanceOf } from "./identity";
import { HeadAnchor, toCrop, toImage } from "./imageMotion";
import { SceneCuts } from "./sceneCuts";
import { TrackRegistry } from "./trackRegistry";

/** Frames between searches of the whole picture for new faces, and of its tiles for small ones. */
const [WHOLE_EVERY, TILES_EVERY] = [5, 30];
/** Frames between searches of the tiles while a face is lost, recently or at all. */
const [TILES_AFTER_RECENT_LOSS, TILES_AFTER_LOSS] = [4, 10];
/** Frames between searches of the whole picture while no face is followed. */
const WHOLE_WHEN_EMPTY = 2;
/** Frames between checks that a followed face is still there. */
const CHECK_EVERY = 3;
/** Score from which a followed face counts as there. */
const PRESENCE_THRESHOLD = 0.4;
/** Seconds after a loss in which each frame is searched, and the position where it was lost. */
const RECENT_SECONDS = 2;
/** How long what looked like a face and was none is not looked at again while somebody is followed. */
const REFUSED_SECONDS = 0.5;
/** Size of the smallest face that is searched for: of the picture's longer side, and in pixels. */
const [LEAST_FRACTION, SMALLEST] = [0.05, 24];
/** Overlap over the union from which a found face is one that is followed already. */
const FOLLOWED_OVERLAP = 0.3;
/** Overlap over the union, and over the smaller box, from which two tracks show one face. */
const [SAME_UNION, SAME_SMALLER] = [0.5, 0.8];

/** A face that a frame shows. */
export interface TrackedFace {
  /** Its number, the same in all frames of one person; from 0. */
  readonly id: number;
  /** Smoothed, in the crop's frame; the shape is the person's so far. */
  readonly parameters: FaceParameters;
  /** Picture pixels to crop pixels. */
  readonly transform: Affine;
  /** Of the mesh's landmarks in picture pixels. */
  readonly box: Box;
  readonly score: number;
}

/** Milliseconds that the parts of a step took. */
export interface StepTimes { detector: number; encoder: number; solve: number }

export class FaceTracker {
  /** Of the last step. */
  readonly times: StepTimes = { detector: 0, encoder: 0, solve: 0 };
  private readonly registry: TrackRegistry;
  private readonly anchor: HeadAnchor;
  private readonly cuts = new SceneCuts();
  private count = 0;

  /** @param mostFaces how many faces are followed at once, the largest first. */
  constructor(
    private readonly estimator: FaceEstimator, private readonly detector: FaceDetector, private readonly mostFaces = Infinity,
  ) {
    this.registry = new TrackRegistry(estimator.head);
    this.anchor = HeadAnchor.of(estimator.head);
  }

  /** Final numbers of people who had others at first. */
  get renamed(): ReadonlyMap<number, number> {
    return this.registry.merged;
  }

  /** Returns the faces of the next frame in the order of their numbers; `seconds` is its time. */
  async step(picture: Picture, seconds: number): Promise<TrackedFace[]> {
    const [begin, encoded] = [performance.now(), this.estimator.encoder.milliseconds];
    this.times.detector = 0;
    const cut = this.cuts.isCut(picture, seconds);
    if (cut) this.registry.loseAll();
    await this.follow(picture, seconds);
    this.separateDuplicates(picture);
    this.registry.mergeReidentified();
    await this.admit(picture, seconds, cut);
    this.count++;
    this.registry.forgetOldest();
    const shown = this.registry.tracks.filter(({ status }) => status === "followed");
    const faces = shown.sort((a, b) => a.id - b.id).map((track) => this.answer(track, seconds));
    this.times.encoder = this.estimator.encoder.milliseconds - encoded;
    this.times.solve = performance.now() - begin - this.times.encoder - this.times.detector;
    return faces;
  }

  private answer(track: FaceTrack, seconds: number): TrackedFace {
    const seen = track.withMeanShape();
    const motion = track.smoother.next(toImage(seen, track.transform, this.anchor), seconds);
    const parameters = toCrop(motion, seen, track.transform, this.anchor);
    return { id: track.id, parameters, transform: track.transform, box: track.box, score: track.score };
  }

  private async follow(picture: Picture, seconds: number): Promise<void> {
    for (const track of this.registry.followed) {
      const checked = track.status === "doubtful" || (this.count + track.id) % CHECK_EVERY === 0;
      const score = checked ? this.presence(picture, track) : track.score;
      let estimate = await this.estimator.estimateAt(picture, track.region(), track.roll);
      // in a crop that is rotated farther than the encoder is used to, actions are misread
      const roll = headRoll(estimate.parameters);
      if (isPlausible(estimate, picture) && isRolledOff(track.roll, roll)) {
        estimate = await this.estimator.estimateAt(picture, estimate.points, roll);
      }
      if (score >= PRESENCE_THRESHOLD && isPlausible(estimate, picture)) {
        track.status = "followed";
        track.score = score;
        track.update(estimate, seconds);
      } else track.status = track.status === "doubtful" ? "lost" : "doubtful";
    }
  }

  /** Of two tracks on one face, loses the one whose appearance is further from it. */
  private separateDuplicates(picture: Picture): void {
    const { followed } = this.registry;
    for (const track of followed) {
      for (const other of followed) {
        if (other.id <= track.id || !track.isFollowed || !other.isFollowed) continue;
        const { union, smaller } = overlap(other.outlineBox, track.outlineBox);
        if (union <= SAME_UNION && smaller <= SAME_SMALLER) continue;
        const seen = appearanceOf(this.estimator.upright(picture, track.region(), track.roll));
        const apart = (one: FaceTrack): number => appearanceDistance(seen, one.traces().appearance);
        (apart(track) > apart(other) ? track : other).status = "lost";
      }
    }
  }

  /** Searches a frame where a search is due, and follows the faces that it finds. */
  private async admit(picture: Picture, seconds: number, cut: boolean): Promise<void> {
    const { followed } = this.registry;
    const room = this.mostFaces - followed.length;
    const { whole, tiles } = this.due(seconds, cut);
    if (room <= 0 || !whole) return;
    const found = this.detecting(() => {
      const boxes = followed.map((track) => track.outlineBox);
      const again = this.revisited(picture, boxes, seconds);
      const smallest = Math.max(SMALLEST, LEAST_FRACTION * Math.max(picture.width, picture.height));
      const known = [...boxes, ...again.map(({ box }) => box)];
      const refused = this.registry.refusedSince(seconds - REFUSED_SECONDS);
      const seen = this.detector.glance(
        picture, known, tiles ? smallest : null, tiles && !known.length, followed.length ? refused : [],
      );
      this.registry.refuse(seen.refused, seconds);
      return [...again, ...seen.faces];
    });
    for (const face of found.slice(0, room)) {
      const estimate = await this.estimator.estimate(picture, xyOf(face.landmarks));
      if (isPlausible(estimate, picture)) this.registry.identify(face, estimate, seconds)?.update(estimate, seconds);
    }
  }

  /** Returns whether to search the whole picture, and its tiles as well. */
  private due(seconds: number, cut: boolean): { whole: boolean; tiles: boolean } {
    let [every, recent] = [TILES_EVERY, false];
    for (const track of this.registry.lost) {
      const isRecent = seconds - track.seconds < RECENT_SECONDS;
      recent ||= isRecent;
      every = Math.min(every, isRecent ? TILES_AFTER_RECENT_LOSS : TILES_AFTER_LOSS);
    }
    const empty = !this.registry.followed.length;
    if (empty) every = Math.min(every, WHOLE_EVERY);
    const tiles = cut || this.count % every === 0;
    return { whole: tiles || recent || this.count % (empty ? WHOLE_WHEN_EMPTY : WHOLE_EVERY) === 0, tiles };
  }

  /** Returns the faces that are where one was lost a moment ago. */
  private revisited(picture: Picture, boxes: readonly Box[], seconds: number): DetectedFace[] {
    const faces: DetectedFace[] = [];
    for (const track of this.registry.tracks) {
      const away = seconds - track.seconds;
      if (track.status !== "lost" || away <= 0 || away >= RECENT_SECONDS || !track.points.length) continue;
      if (this.detector.presence(picture, track.outlineBox, track.headRoll) < PRESENCE_THRESHOLD) continue;
      const face = this.detector.landmarksNear(picture, track.box, track.headRoll);
      const taken = [...boxes, ...faces.map(({ box }) => box)];
      if (face && !taken.some((box) => overlap(box, face.box).union > FOLLOWED_OVERLAP)) faces.push(face);
    }
    return faces;
  }

  private presence(picture: Picture, track: FaceTrack): number {
    return this.detecting(() => this.detector.presence(picture, track.outlineBox, track.headRoll));
  }

  private detecting<T>(action: () => T): T {
    const begin = performance.now();
    const result = action();
    this.times.detector += performance.now() - begin;
    return result;
  }
}
