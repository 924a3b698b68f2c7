/** Some surface points of a head, evaluated without the rest of it. */

import type { FaceParameters } from "../conventions";
import { HeadModel } from "../head/headModel";

export class PointHead {
  private readonly head: HeadModel;
  private readonly rows: Int32Array;

  /**
   * @param corners vertices `[P, 3]` of each point's triangle, flat.
   * @param bary barycentric coordinates `[P, 3]`, flat.
   */
  constructor(whole: HeadModel, corners: ArrayLike<number>, private readonly bary: ArrayLike<number>) {
    const { head, rows } = whole.atVertices(corners);
    [this.head, this.rows] = [head, rows];
  }

  /** Returns the points `[P, 3]` in metres, flat, of a face whose head pose is not applied. */
  unposed(parameters: FaceParameters): Float64Array {
    const { vertices } = this.head.mesh({ ...parameters, head_pose: new Float64Array(3) });
    const points = new Float64Array(this.rows.length);
    for (let p = 0; p < points.length / 3; p++) {
      for (let corner = 0; corner < 3; corner++) {
        const [at, share] = [3 * this.rows[3 * p + corner]!, this.bary[3 * p + corner]!];
        for (let k = 0; k < 3; k++) points[3 * p + k]! += share * vertices[at + k]!;
      }
    }
    return points;
  }
}
