/** The page's controls and what it says. */

import { ARKIT_NAMES, type StepTimes } from "../core";

/** Frames over which the speed that is shown is averaged. */
const AVERAGED = 20;

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

/** The elements of `index.html`. */
export const elements = {
  file: byId<HTMLInputElement>("file"),
  camera: byId<HTMLButtonElement>("camera"),
  record: byId<HTMLButtonElement>("record"),
  stop: byId<HTMLButtonElement>("stop"),
  person: byId<HTMLSelectElement>("person"),
  downloads: ["glb", "csv", "vmc"].map((id) => byId<HTMLButtonElement>(id)),
  source: byId<HTMLVideoElement>("source"),
  over: byId<HTMLCanvasElement>("over"),
  turned: byId<HTMLCanvasElement>("turned"),
};

/** ARKit's 52 weights as bars. */
export class Bars {
  private readonly meters = ARKIT_NAMES.map((name) => {
    const label = document.createElement("label");
    const meter = document.createElement("meter");
    label.append(name, meter);
    byId("bars").append(label);
    return meter;
  });

  /** Shows the weights of a face, or none. */
  show(weights: Float64Array | null): void {
    this.meters.forEach((meter, i) => (meter.value = weights?.[i] ?? 0));
  }
}

/** Says what happens, or what went wrong and the way out. */
export function say(text: string): void {
  byId("status").textContent = text;
}

/** Milliseconds of a frame's parts. */
export interface FrameTimes extends StepTimes { drawing: number }

/** Frames a second and where the time goes, averaged over the last frames. */
export class Speed {
  private readonly frames: { at: number; times: FrameTimes }[] = [];
  /** Frames since the page was opened; the element tells it to who measures. */
  private count = 0;

  add(times: FrameTimes): void {
    this.frames.push({ at: performance.now(), times: { ...times } });
    if (this.frames.length > AVERAGED) this.frames.shift();
    byId("speed").textContent = this.text();
    byId("speed").dataset["frames"] = String(++this.count);
  }

  clear(): void {
    this.frames.length = 0;
    byId("speed").textContent = "";
  }

  private text(): string {
    const count = this.frames.length;
    const span = this.frames.at(-1)!.at - this.frames[0]!.at;
    const rate = count > 1 && span > 0 ? `${((1000 * (count - 1)) / span).toFixed(1)} frames/s; ` : "";
    const parts = (["detector", "encoder", "solve", "drawing"] as const).map((part) => {
      const mean = this.frames.reduce((sum, { times }) => sum + times[part], 0) / count;
      return `${part} ${mean.toFixed(1)} ms`;
    });
    return rate + parts.join(", ");
  }
}

/** Offers the people to choose from, one of them chosen; hidden where there is only one. */
export function showPeople(ids: readonly number[], chosen: number | null): void {
  const { person } = elements;
  if (ids.join() !== Array.from(person.options, (option) => option.value).join()) {
    person.replaceChildren(...ids.map((id) => new Option(`Person ${id + 1}`, String(id))));
  }
  if (chosen !== null) person.value = String(chosen);
  person.hidden = ids.length < 2;
}

/** Returns the number of the chosen person, null where there is none. */
export function chosenPerson(): number | null {
  return elements.person.value === "" ? null : Number(elements.person.value);
}

/** Saves a file by the browser's download. */
export function save(name: string, content: string | Uint8Array<ArrayBuffer>, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
