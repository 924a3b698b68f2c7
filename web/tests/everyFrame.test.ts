import { describe, expect, it } from "vitest";
import { everyFrame, type HeldVideo } from "../src/page/everyFrame";

/** A video of which a late browser shows only each n-th frame while it plays. */
class LateVideo implements HeldVideo {
  isStopped = false;
  sought = 0;
  private place = 0;

  constructor(private readonly times: readonly number[], readonly end: number, private readonly late: number) {}

  async next(): Promise<number | null> {
    this.place += this.late;
    return this.times[this.place] ?? null;
  }

  async seek(seconds: number): Promise<number> {
    this.sought++;
    this.place = Math.max(this.times.findLastIndex((time) => time <= seconds), 0);
    return this.times[this.place]!;
  }
}

async function found(video: HeldVideo): Promise<number[]> {
  const times = [];
  for await (const time of everyFrame(video)) times.push(time);
  return times;
}

const rounded = (count: number, rate: number): number[] => Array.from({ length: count }, (_, i) => Math.round((1e6 * i) / rate) / 1e6);

describe("every frame", () => {
  for (const rate of [15, 24, 29.97, 60])
    for (const late of [1, 2, 5, 100])
      it(`is found at ${rate} frames a second where ${late - 1} of ${late} are left out`, async () => {
        const times = rounded(40, rate);
        expect(await found(new LateVideo(times, 40 / rate, late))).toEqual(times);
      });

  it("is found once where times are uneven", async () => {
    const times = [0, 0.04, 0.08, 0.2, 0.24, 0.5, 0.54, 0.58];
    expect(await found(new LateVideo(times, 0.62, 3))).toEqual(times);
  });

  it("is sought in no video that plays in time, but for the first", async () => {
    const video = new LateVideo(rounded(300, 30), 10, 1);
    expect(await found(video)).toHaveLength(300);
    expect(video.sought).toBeLessThan(15);
  });

  it("of a video of one or two frames is found", async () => {
    expect(await found(new LateVideo([0], 0.04, 1))).toEqual([0]);
    expect(await found(new LateVideo([0, 0.04], 0.08, 1))).toEqual([0, 0.04]);
  });

  it("comes no more once the user stops", async () => {
    const video = new LateVideo(rounded(300, 30), 10, 2);
    let count = 0;
    for await (const _ of everyFrame(video)) if (++count === 20) video.isStopped = true;
    expect(count).toBe(20);
  });
});
