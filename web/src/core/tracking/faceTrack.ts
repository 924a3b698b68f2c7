/** One face over time: its status, and all that was estimated of it so far. */

import type { FaceParameters } from "../conventions";
import { boxOf, type Box } from "../detection/boxes";
import type { FaceEstimate } from "../estimator";
import { faceRoll } from "../geometry/crop";
import type { Affine } from "../geometry/resampling";
import { centreAndSize, headRoll, nextOutline, nextRoll, pointsAround, shapeQuality, type Outline } from "./cropRegion";
import { appearanceOf, type Traces } from "./identity";
import type { LiveSmoother } from "./liveSmoother";
import { PersonShape } from "./personShape";

/** Seconds between two frames up to which a speed is measured between them. */
const LONGEST_STEP = 0.25;
/** Weight of the speed so far against the newest frame's. */
const SPEED_MEMORY = 0.7;
/** Least weight of a new frame in the appearance. */
const APPEARANCE_UPDATE = 0.05;

/**
 * Whether a face is followed from frame to frame. The last check of a doubtful one failed: it is not
 * in the answer, and the next frame decides. Where the scene has changed since, a lost face's last
 * position does not count.
 */
export type TrackStatus = "followed" | "doubtful" | "lost" | "lost before a cut";

export class FaceTrack {
  status: TrackStatus = "followed";
  /** The points that the next crop is cut around. */
  outline: Outline;
  /** Rotation of the next crop, clockwise in the picture, in radians. */
  roll: number;
  /** Of the last frame, in that frame's crop. */
  parameters: FaceParameters;
  transform: Affine;
  shape = new PersonShape();
  /** The mesh's landmarks in picture pixels, x and y flat. */
  points: Float64Array = new Float64Array(0);
  /** How many frames have shown it. */
  frames = 0;
  private appearance: Float32Array;
  private speed: [number, number] = [0, 0];

  constructor(
    public id: number, readonly smoother: LiveSmoother, outline: Outline, estimate: FaceEstimate,
    /** Time of the last frame that showed it. */ public seconds: number,
    /** Certainty in [0, 1] that it is a face, at the last check. */ public score: number,
  ) {
    [this.outline, this.roll] = [outline, faceRoll(outline)];
    [this.parameters, this.transform] = [estimate.parameters, estimate.transform];
    this.appearance = appearanceOf(estimate.upright);
  }

  get isFollowed(): boolean {
    return this.status === "followed" || this.status === "doubtful";
  }

  get headRoll(): number {
    return headRoll(this.parameters);
  }

  /** Box of the mesh's landmarks in picture pixels. */
  get box(): Box {
    return boxOf(this.points);
  }

  /** Box of the outline of the next crop. */
  get outlineBox(): Box {
    return boxOf(this.outline);
  }

  /** Returns the points that the next crop is cut around, rotated as it is. */
  region(): Outline {
    return pointsAround(this.outline, this.roll);
  }

  /** Returns what re-identification compares. */
  traces(): Traces {
    const { centre, size } = centreAndSize(this.points);
    return {
      appearance: this.appearance, shape: this.shape.mean, position: centre, speed: this.speed, size, seconds: this.seconds,
    };
  }

  /** Returns the last frame's parameters with the person's shape so far. */
  withMeanShape(): FaceParameters {
    return { ...this.parameters, shape: this.shape.mean };
  }

  /** Cuts the next crop around landmarks that a detector has found. */
  placeAt(outline: Outline): void {
    [this.outline, this.roll] = [outline, faceRoll(outline)];
  }

  /** Takes in a frame that shows the face; the next crop follows its mesh. */
  update(estimate: FaceEstimate, seconds: number): void {
    this.shape.add(estimate.parameters.shape, shapeQuality(estimate, this.score));
    [this.parameters, this.transform] = [estimate.parameters, estimate.transform];
    const passed = seconds - this.seconds;
    if (this.frames && passed > 0 && passed < LONGEST_STEP) {
      const [now, before] = [centreAndSize(estimate.points).centre, centreAndSize(this.points).centre];
      this.speed = [0, 1].map((k) =>
        SPEED_MEMORY * this.speed[k]! + ((1 - SPEED_MEMORY) * (now[k]! - before[k]!)) / passed,
      ) as [number, number];
    }
    [this.seconds, this.points] = [seconds, estimate.points];
    this.frames++;
    const roll = nextRoll(this.roll, this.headRoll);
    this.outline = nextOutline(this.outline, this.roll, estimate.points, roll);
    this.roll = roll;
    const fraction = Math.max(APPEARANCE_UPDATE, 1 / this.frames);
    const newest = appearanceOf(estimate.upright);
    this.appearance = this.appearance.map((value, i) => value + fraction * (newest[i]! - value));
  }

  /** Takes over the identity of an older track. */
  become(older: FaceTrack): void {
    this.id = older.id;
    this.shape = older.shape;
    this.frames += older.frames;
  }
}
