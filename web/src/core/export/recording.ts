/** What a page keeps of a clip or a camera: every frame's faces, by person. */

import type { FaceParameters } from "../conventions";
import type { HeadModel } from "../head/headModel";
import type { TrackedFace } from "../tracking/faceTracker";

/** Seconds that the last face of a person who is not seen stays, and from there to rest. */
const [HOLD_SECONDS, EASE_SECONDS] = [1, 0.5];

/** One person in all frames of a recording. */
export interface Performance {
  readonly head: HeadModel;
  /** Of every frame; one shape in all of them. */
  readonly frames: readonly FaceParameters[];
  /** Seconds from the recording's beginning, increasing. */
  readonly seconds: readonly number[];
}

export class Recording {
  private readonly times: number[] = [];
  private readonly people = new Map<number, Map<number, FaceParameters>>();

  constructor(private readonly head: HeadModel) {}

  get length(): number {
    return this.times.length;
  }

  /** Seconds from the first frame to the last. */
  get duration(): number {
    return this.times.length ? this.times.at(-1)! - this.times[0]! : 0;
  }

  /** Numbers of the people, those in most frames first. */
  get ids(): number[] {
    return [...this.people.keys()].sort((a, b) => this.people.get(b)!.size - this.people.get(a)!.size || a - b);
  }

  /**
   * Adds a frame. One that is not later than the frame before is left out.
   *
   * @param renamed final numbers of people who had others at first.
   */
  add(faces: readonly Pick<TrackedFace, "id" | "parameters">[], seconds: number, renamed: ReadonlyMap<number, number>): void {
    if (this.times.length && seconds <= this.times.at(-1)!) return;
    this.times.push(seconds);
    for (const [newer, older] of renamed) {
      const found = this.people.get(newer);
      if (!found) continue;
      this.people.set(older, new Map([...(this.people.get(older) ?? []), ...found]));
      this.people.delete(newer);
    }
    for (const { id, parameters } of faces) {
      const frames = this.people.get(id) ?? new Map<number, FaceParameters>();
      this.people.set(id, frames.set(this.times.length - 1, parameters));
    }
  }

  /**
   * Returns one person in all frames: the last face is held for a second where the person is not
   * seen, then goes to rest; before the first it rests. The shape is that of the last frame, the
   * mean of all.
   */
  performance(id: number): Performance {
    const seen = this.people.get(id);
    if (!seen) throw new Error(`nobody has the number ${id}`);
    const numbers = [...seen.keys()];
    const { shape } = seen.get(numbers.at(-1)!)!;
    const rest = this.head.neutral();
    let last = -1;
    const frames = this.times.map((time, frame) => {
      if (seen.has(frame)) last = frame;
      const face = seen.get(last < 0 ? numbers[0]! : last)!;
      const gone = last < 0 ? Infinity : time - this.times[last]!;
      const left = Math.min(Math.max(1 - (gone - HOLD_SECONDS) / EASE_SECONDS, 0), 1);
      return { ...(left === 1 ? face : towardsRest(face, rest, left)), shape };
    });
    return { head: this.head, frames, seconds: this.times.map((time) => time - this.times[0]!) };
  }
}

/** Returns a face of which a fraction is left; shape and camera stay. */
function towardsRest(face: FaceParameters, rest: FaceParameters, left: number): FaceParameters {
  const between = (name: keyof FaceParameters): Float64Array =>
    face[name].map((value, k) => rest[name][k]! + left * (value - rest[name][k]!));
  return {
    shape: face.shape, camera: face.camera, expression: between("expression"), jaw: between("jaw"),
    eyelids: between("eyelids"), eyes: between("eyes"), neck: between("neck"), head_pose: between("head_pose"),
  };
}
