/** Observed places of a head's points and their errors, as `fitting/observations`. */

import type { HeadModel } from "../head/headModel";

/** Angles between head and camera in degrees from which each row of the tables holds. */
const VIEWS = [0, 15, 30, 45, 60, 90];
const REGIONS = ["lips", "eyelids", "iris", "brows", "nose", "outline", "rest"];
const OUTLINE = ["jaw", "chin", "cheeks", "forehead"];
/** Root mean square in millimetres of what a region's landmarks err together, and each by itself. */
const TOGETHER = [
  [1.6, 1.4, 2.0, 2.6, 1.8, 1.6, 1.5], [1.5, 1.5, 2.3, 2.8, 1.9, 1.9, 1.7], [2.6, 2.2, 3.5, 3.2, 2.3, 3.2, 2.3],
  [3.4, 5.4, 5.9, 6.9, 3.5, 5.6, 5.5], [5.0, 8.6, 9.5, 8.5, 5.7, 7.5, 8.2],
];
const ALONE = [
  [1.5, 1.3, 1.0, 1.8, 1.6, 4.0, 2.0], [1.8, 1.5, 1.1, 2.3, 1.7, 4.9, 2.5], [2.5, 2.2, 1.8, 3.3, 2.1, 6.7, 4.0],
  [3.1, 4.4, 4.6, 6.0, 3.2, 9.8, 6.5], [3.5, 6.5, 6.0, 7.8, 3.8, 12.3, 8.5],
];
/** Factor of the landmarks' own errors, because within a region these are smooth in place. */
const OVERLAP = 6;
/** Part of the variance of an encoder's surface points that the points of a region share. */
const SHARED = 0.5;
/** Factor on the standard deviations of surface points, which err as the encoder's parameters do. */
const SURFACE = 3;
/** MediaPipe's irises; of each eye the upper and lower eyelid margin, and the corners. */
const EYES = [[468, 159, 145, 33, 133], [473, 386, 374, 362, 263]] as const;
/** Opening over width of an eye below which its iris fades out. */
const CLOSED_ASPECT = 0.12;

/** Where points were seen: errors are an offset of a point's region plus one of its own. */
export interface PointTargets {
  /** x and y (up) in device coordinates, flat. */
  readonly places: Float64Array;
  /** Precision of each point's own error; 0 where it was not seen. */
  readonly precision: Float64Array;
  /** Of each point, a number of `together`. */
  readonly region: Int32Array;
  /** Standard deviation of each region's offset. */
  readonly together: Float64Array;
}

/** Returns the number of each point's region, of the vertices `[P, 3]` of its triangle. */
export function regionsOf(head: HeadModel, corners: ArrayLike<number>): Int32Array {
  const regions = new Int32Array(corners.length / 3).fill(REGIONS.indexOf("rest"));
  // later names win where regions overlap
  for (const name of [...OUTLINE, "nose", "brows", "eyelids", "lips", "iris"]) {
    const inside = head.optional(`region_${name}`)?.data;
    const number = REGIONS.indexOf(OUTLINE.includes(name) ? "outline" : name);
    regions.forEach((_, p) => {
      if (inside && [0, 1, 2].some((k) => inside[corners[3 * p + k]!])) regions[p] = number;
    });
  }
  return regions;
}

/**
 * Returns the detector's landmarks with the errors that they have on rendered people.
 *
 * @param seen all 478 in device coordinates, y down, flat.
 * @param ids those that the head has.
 * @param cosine of the angle between head and camera.
 * @param scale device coordinates a metre.
 */
export function landmarkTargets(
  seen: Float64Array, ids: ArrayLike<number>, region: Int32Array, cosine: number, scale: number,
): PointTargets {
  const angle = (Math.acos(Math.min(Math.max(cosine, -1), 1)) * 180) / Math.PI;
  const [together, alone] = [TOGETHER, ALONE].map((table) => between(table, angle).map((mm) => (mm * scale) / 1000));
  const visible = irisVisibility(seen);
  const places = new Float64Array(2 * ids.length);
  const precision = new Float64Array(ids.length);
  for (let l = 0; l < ids.length; l++) {
    const id = ids[l]!;
    [places[2 * l], places[2 * l + 1]] = [seen[2 * id]!, -seen[2 * id + 1]!];
    precision[l] = visible(id) / (alone![region[l]!]! * OVERLAP) ** 2;
  }
  return { places, precision, region, together: together! };
}

/** Returns an encoder's surface points: places y down, standard deviations, probabilities. */
export function surfaceTargets(
  points: ArrayLike<number>, std: ArrayLike<number>, visible: ArrayLike<number>, region: Int32Array,
): PointTargets {
  const [sums, counts] = [new Float64Array(REGIONS.length), new Float64Array(REGIONS.length)];
  region.forEach((g, p) => {
    sums[g]! += (SURFACE * std[p]!) ** 2;
    counts[g]!++;
  });
  return {
    places: Float64Array.from({ length: points.length }, (_, i) => (i % 2 ? -points[i]! : points[i]!)),
    precision: Float64Array.from(region, (_, p) => visible[p]! / ((1 - SHARED) * (SURFACE * std[p]!) ** 2)),
    region,
    together: sums.map((sum, g) => Math.sqrt((SHARED * sum) / Math.max(counts[g]!, 1))),
  };
}

/** Joins points of two kinds, whose regions are apart. */
export function joined(first: PointTargets, second: PointTargets): PointTargets {
  const count = first.together.length;
  return {
    places: Float64Array.of(...first.places, ...second.places),
    precision: Float64Array.of(...first.precision, ...second.precision),
    region: Int32Array.of(...first.region, ...second.region.map((g) => g + count)),
    together: Float64Array.of(...first.together, ...second.together),
  };
}

/** Returns the linear map, in place, that makes errors `[P, 2]` independent with unit variance. */
export function whitening({ precision, region, together }: PointTargets): (errors: Float64Array) => Float64Array {
  const total = new Float64Array(together.length);
  region.forEach((g, p) => (total[g]! += precision[p]!));
  // Sigma = D + c^2 1 1^T over a region: Sigma^-1/2 up to a rotation, by Sherman and Morrison
  const part = total.map((sum, g) => (1 - 1 / Math.sqrt(1 + together[g]! ** 2 * sum)) / Math.max(sum, 1e-12));
  const root = precision.map(Math.sqrt);
  return (errors) => {
    for (let axis = 0; axis < 2; axis++) {
      const sums = new Float64Array(together.length);
      region.forEach((g, p) => (sums[g]! += errors[2 * p + axis]! * precision[p]!));
      region.forEach((g, p) => {
        errors[2 * p + axis] = root[p]! * (errors[2 * p + axis]! - sums[g]! * part[g]!);
      });
    }
    return errors;
  };
}

/** Returns a weight in [0, 1] by a landmark's number: less than 1 on irises of closed eyes. */
function irisVisibility(seen: Float64Array): (id: number) => number {
  const apart = (a: number, b: number): number =>
    Math.hypot(seen[2 * a]! - seen[2 * b]!, seen[2 * a + 1]! - seen[2 * b + 1]!);
  const weights = EYES.map(([iris, upper, lower, outer, inner]) => {
    const aspect = apart(upper, lower) / Math.max(apart(outer, inner), 1e-6);
    return [iris, Math.min(Math.max(aspect / CLOSED_ASPECT - 0.5, 0), 1)] as const;
  });
  return (id) => weights.find(([iris]) => id >= iris && id < iris + 5)?.[1] ?? 1;
}

/** Returns a row of a table between the middles of its views. */
function between(table: readonly (readonly number[])[], angle: number): Float64Array {
  const middles = table.map((_, row) => (VIEWS[row]! + VIEWS[row + 1]!) / 2);
  const above = middles.findIndex((middle) => middle >= angle);
  const place = Math.min(Math.max(above < 0 ? middles.length : above, 1), middles.length - 1);
  const [low, high] = [middles[place - 1]!, middles[place]!];
  const part = Math.min(Math.max((angle - low) / (high - low), 0), 1);
  return Float64Array.from(table[0]!, (_, g) => table[place - 1]![g]! * (1 - part) + table[place]![g]! * part);
}
