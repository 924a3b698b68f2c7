/** Live Link Face's CSV of 61 columns, as `export/arkit_csv.py` writes it. */

import { ARKIT_NAMES } from "../conventions";
import type { Matrix3 } from "../geometry/rotations";
import type { Performance } from "./recording";
import { eyeRotations, skullRotation } from "./skull";

/** Frame rate of the timecodes in the app's own recordings, whatever their camera gives. */
const FPS = 60;

const ANGLES = ["Head", "LeftEye", "RightEye"].flatMap((bone) => ["Yaw", "Pitch", "Roll"].map((angle) => bone + angle));

/** The file's columns. */
export const CSV_HEADER = [
  "Timecode", "BlendShapeCount", ...ARKIT_NAMES.map((name) => name[0]!.toUpperCase() + name.slice(1)), ...ANGLES,
];

/** Returns the text of the file; times of the timecodes are the frames' own. */
export function arkitCsv({ head, frames, seconds }: Performance): string {
  const rows = frames.map((face, t) => {
    const angles = [skullRotation(head, face), ...eyeRotations(face)].flatMap(anglesOf);
    const values = [...head.arkit(face), ...angles];
    return [timecode(seconds[t]!), values.length, ...values.map((value) => value.toFixed(10))].join(",");
  });
  return [CSV_HEADER.join(","), ...rows, ""].join("\r\n");
}

/** Returns yaw, pitch and roll in radians, with the app's signs. */
function anglesOf(m: Matrix3): [number, number, number] {
  const pitch = Math.asin(Math.min(Math.max(m[5]!, -1), 1));
  return [-Math.atan2(m[2]!, m[8]!), -pitch, -Math.atan2(m[3]!, m[4]!)];
}

/** Returns `HH:MM:SS:FF.sub` of a time. */
function timecode(seconds: number): string {
  const micros = Math.round(seconds * 1e6);
  const whole = Math.floor(micros / 1e6);
  const thousandths = Math.min(Math.round(((micros % 1e6) * FPS) / 1000), FPS * 1000 - 1);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const frame = `${two(thousandths / 1000)}.${String(thousandths % 1000).padStart(3, "0")}`;
  return [two(whole / 3600), two((whole / 60) % 60), two(whole % 60), frame].join(":");
}
