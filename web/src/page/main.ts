/** The page: photos, videos and the camera to heads over their picture, and files of them. */

import { arkitCsv, FaceTracker, glb, Recording, vmcJson, xyOf, type Affine, type FaceParameters, type Performance, type Picture } from "../core";
import { loadEstimation, type Estimation } from "./estimation";
import { Frame, photoPixels, Player } from "./frames";
import { HeadView } from "./headView";
import { Bars, chosenPerson, elements, save, say, showPeople, Speed } from "./panel";
import { inPicture, Surfaces, turned } from "./placing";

/** Radians by which the second view is turned, as a three-quarter portrait, and its side in pixels. */
const [TURN, TURNED_SIDE] = [0.6, 512];
/** How far the head over the picture covers it. */
const OPACITY = 0.75;
/** Faces that are followed at once in a video. */
const MOST_FACES = 2;
/** Milliseconds that loading waits for the service worker. */
const LONGEST_WAIT = 5000;
const NOBODY_RENAMED: ReadonlyMap<number, number> = new Map();

interface ShownFace { id: number; parameters: FaceParameters; transform: Affine }

class Page {
  private readonly frame = new Frame();
  private readonly player = new Player(this.frame, elements.source);
  private readonly bars = new Bars();
  private readonly speed = new Speed();
  private readonly surfaces: Surfaces;
  private readonly over: HeadView;
  private readonly aside: HeadView;
  private recording: Recording;
  /** Whether frames of the camera go into the recording. */
  private keeps = false;
  /** The person that the user chose; while that one is not seen, the first who is. */
  private picked: number | null = null;
  private shown: { faces: readonly ShownFace[]; pixels: Picture } | null = null;

  constructor(private readonly estimation: Estimation) {
    this.surfaces = new Surfaces(estimation.head);
    this.over = new HeadView(elements.over, estimation.head, OPACITY);
    this.aside = new HeadView(elements.turned, estimation.head, 1);
    this.recording = new Recording(estimation.head);
    elements.file.addEventListener("change", () => {
      const file = elements.file.files?.[0];
      elements.file.value = "";
      if (file) void told(() => (file.type.startsWith("video/") ? this.clip(file) : this.photo(file)));
    });
    elements.camera.addEventListener("click", () => void told(() => this.camera()));
    elements.stop.addEventListener("click", () => this.player.stop());
    elements.record.addEventListener("click", () => this.toggleRecording());
    elements.person.addEventListener("change", () => {
      this.picked = chosenPerson();
      if (this.shown) this.draw(this.shown.faces, this.shown.pixels);
    });
    const writers = [
      ["glb", (p: Performance) => glb(p), "model/gltf-binary"],
      ["csv", (p: Performance) => arkitCsv(p), "text/csv"],
      ["vmc.json", (p: Performance) => vmcJson(p), "application/json"],
    ] as const;
    writers.forEach(([ending, write, type], i) =>
      elements.downloads[i]!.addEventListener("click", () => {
        const person = chosenPerson();
        if (person !== null) save(`smirk3d-${person + 1}.${ending}`, write(this.recording.performance(person)), type);
      }),
    );
    this.controls("idle");
    say("Ready: open a photo or video of a face, or use the camera.");
  }

  private async photo(file: File): Promise<void> {
    this.player.stop();
    this.begin();
    say("Looking for faces…");
    const pixels = await photoPixels(this.frame, file);
    const faces: ShownFace[] = [];
    for (const [id, face] of this.estimation.detector.detect(pixels).entries()) {
      faces.push({ id, ...(await this.estimation.estimator.estimateJointly(pixels, xyOf(face.landmarks))) });
    }
    this.recording.add(faces, 0, NOBODY_RENAMED);
    this.draw(faces, pixels);
    this.controls("idle");
    say(faces.length ? `${counted(faces.length, "face")}.` : "No face found: try another photo.");
  }

  private async clip(file: File): Promise<void> {
    this.begin();
    this.keeps = true;
    this.controls("clip");
    say(`Tracking ${file.name}…`);
    await this.track((onFrame) => this.player.playFile(file, onFrame));
    const people = this.recording.ids.length;
    say(`${counted(this.recording.length, "frame")}: ${people ? counted(people, "person", "people") : "nobody"}.`);
  }

  private async camera(): Promise<void> {
    this.begin();
    this.controls("camera");
    say("The camera runs. Record to keep a performance.");
    await this.track((onFrame) => this.player.playCamera(onFrame));
    say(this.recording.length ? `Recorded ${this.recording.duration.toFixed(1)} s.` : "The camera is off.");
  }

  private async track(play: (onFrame: (pixels: Picture, seconds: number) => Promise<void>) => Promise<void>): Promise<void> {
    const { estimator, detector } = this.estimation;
    const tracker = new FaceTracker(estimator, detector, MOST_FACES);
    try {
      await play(async (pixels, seconds) => {
        const faces = await tracker.step(pixels, seconds);
        if (this.keeps) this.recording.add(faces, seconds, tracker.renamed);
        const begin = performance.now();
        this.draw(faces, pixels);
        this.speed.add({ ...tracker.times, drawing: performance.now() - begin });
      });
    } finally {
      this.keeps = false;
      this.controls("idle");
    }
  }

  private toggleRecording(): void {
    if (!this.keeps) this.recording = new Recording(this.estimation.head);
    this.keeps = !this.keeps;
    this.controls("camera");
    say(this.keeps ? "Recording…" : `Recorded ${this.recording.duration.toFixed(1)} s; the camera still runs.`);
  }

  private begin(): void {
    this.recording = new Recording(this.estimation.head);
    this.keeps = false;
    this.picked = null;
    this.speed.clear();
  }

  private draw(faces: readonly ShownFace[], pixels: Picture): void {
    this.shown = { faces, pixels };
    const { head } = this.estimation;
    // what was recorded of people who are not seen can still be saved
    const ids = [...new Set([...faces.map(({ id }) => id), ...this.recording.ids])];
    const chosen = faces.find(({ id }) => id === this.picked) ?? (ids.includes(this.picked ?? -1) ? null : faces[0] ?? null);
    showPeople(ids.sort((a, b) => a - b), chosen?.id ?? this.picked);
    const { width, height } = pixels;
    const placed = faces.map(({ parameters, transform }) => ({
      surface: this.surfaces.of(parameters), placement: inPicture(head, parameters, transform, height),
    }));
    this.over.draw(placed, width, height, this.frame.picture);
    const seen = chosen && placed[faces.indexOf(chosen)]!.surface;
    this.aside.draw(seen ? [{ surface: seen, placement: turned(seen.vertices, TURN, TURNED_SIDE) }] : [], TURNED_SIDE, TURNED_SIDE, null);
    this.bars.show(chosen && head.arkit(chosen.parameters));
    elements.over.classList.remove("empty");
    this.enableDownloads();
  }

  private controls(state: "idle" | "clip" | "camera"): void {
    const { file, camera, record, stop } = elements;
    file.disabled = state !== "idle";
    camera.disabled = state !== "idle";
    stop.hidden = state === "idle";
    record.hidden = state !== "camera";
    record.textContent = this.keeps ? "End recording" : "Record";
    record.setAttribute("aria-pressed", String(this.keeps));
    this.enableDownloads(state !== "clip");
  }

  private enableDownloads(still = !this.keeps): void {
    const ready = still && !this.keeps && this.recording.ids.length > 0;
    for (const button of elements.downloads) button.disabled = !ready;
  }
}

function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}

async function told(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
}

/** Waits until files are kept for use offline; a browser without that still shows the page. */
async function keepFiles(): Promise<void> {
  if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
  const registered = await navigator.serviceWorker.register("sw.js").catch(() => null);
  if (!registered || navigator.serviceWorker.controller) return;
  const controlled = new Promise((resolve) => {
    navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true });
  });
  await Promise.race([controlled, new Promise((resolve) => setTimeout(resolve, LONGEST_WAIT))]);
}

async function start(): Promise<void> {
  await keepFiles();
  new Page(await loadEstimation());
}

void told(start);
