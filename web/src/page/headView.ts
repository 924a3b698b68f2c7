/** Heads drawn by three.js: over their picture, or turned. */

import * as THREE from "three";
import type { HeadModel } from "../core";

/** Depth in front of and behind a head that is drawn, in picture pixels. */
const DEPTH = 10_000;
/** Skin, and teeth and eyes, as sRGB. */
const COLOURS = { skin: 0xc9a08c, bright: 0xf2efe9 } as const;
/** Values of a head file's `part`: eyes and teeth are bright, lashes and brows are left out. */
const BRIGHT = new Set([1, 2, 3, 4]);
const HAIR = new Set([7, 9]);

/** One canvas whose units are pixels, y up. */
export class HeadView {
  private readonly renderer: THREE.WebGLRenderer;
  private readonly scene = new THREE.Scene();
  private readonly meshes: THREE.Mesh[] = [];
  private readonly colours: Float32Array;
  private readonly triangles: number[] = [];

  constructor(canvas: HTMLCanvasElement, head: HeadModel, private readonly opacity: number) {
    this.renderer = new THREE.WebGLRenderer({ canvas, alpha: true, antialias: true, preserveDrawingBuffer: true });
    const light = new THREE.DirectionalLight(0xffffff, 2.2);
    light.position.set(0.3, 0.5, 1);
    this.scene.add(light, new THREE.AmbientLight(0xffffff, 0.9));
    const parts = Array.from(head.part);
    this.colours = new Float32Array(3 * parts.length);
    parts.forEach((part, v) => {
      new THREE.Color(BRIGHT.has(part) ? COLOURS.bright : COLOURS.skin).toArray(this.colours, 3 * v);
    });
    for (let f = 0; f < head.faces.length; f += 3) {
      const corners = Array.from(head.faces.subarray(f, f + 3));
      if (!corners.some((v) => HAIR.has(parts[v]!))) this.triangles.push(...corners);
    }
  }

  /**
   * Draws heads.
   *
   * @param heads vertices `[V, 3]` of each in pixels, y up, larger z nearer.
   */
  draw(heads: readonly Float32Array[], width: number, height: number, background: ImageBitmap | null): void {
    this.renderer.setSize(width, height, false);
    this.scene.background = background ? this.texture(background) : null;
    for (const mesh of this.meshes.splice(0)) {
      this.scene.remove(mesh);
      mesh.geometry.dispose();
      (mesh.material as THREE.Material).dispose();
    }
    for (const vertices of heads) this.add(vertices);
    const camera = new THREE.OrthographicCamera(0, width, height, 0, -DEPTH, DEPTH);
    this.renderer.render(this.scene, camera);
  }

  private texture(picture: ImageBitmap): THREE.Texture {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [picture.width, picture.height];
    canvas.getContext("2d")!.drawImage(picture, 0, 0);
    const texture = new THREE.CanvasTexture(canvas);
    texture.colorSpace = THREE.SRGBColorSpace;
    return texture;
  }

  private add(vertices: Float32Array): void {
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(vertices, 3));
    geometry.setAttribute("color", new THREE.BufferAttribute(this.colours, 3));
    geometry.setIndex(this.triangles);
    geometry.computeVertexNormals();
    const material = new THREE.MeshStandardMaterial({
      vertexColors: true, roughness: 0.7, transparent: this.opacity < 1, opacity: this.opacity, side: THREE.DoubleSide,
    });
    const mesh = new THREE.Mesh(geometry, material);
    this.meshes.push(mesh);
    this.scene.add(mesh);
  }
}
