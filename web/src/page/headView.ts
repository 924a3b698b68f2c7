/** Heads drawn by three.js: over their picture, or turned. */

import * as THREE from "three";
import { hasClosedSkin, surfaceTriangles, vertexColours, type HeadModel } from "../core";
import type { Placement, Surface } from "./placing";

/** Depth in front of and behind a head that is drawn, in picture pixels. */
const DEPTH = 10_000;

type Twelve = [number, number, number, number, number, number, number, number, number, number, number, number];

/** A head to draw, and where. */
export interface PlacedHead { readonly surface: Surface; readonly placement: Placement }

/** What browsers call the processor as it draws in place of a graphics card. */
const IN_SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render/i;

/** Whether a graphics card draws; in software, smooth edges would take most of a frame's time. */
function hasGraphicsCard(): boolean {
  const probe = new OffscreenCanvas(1, 1).getContext("webgl2");
  const names = probe?.getExtension("WEBGL_debug_renderer_info");
  const name = probe && String(probe.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? probe.RENDERER));
  probe?.getExtension("WEBGL_lose_context")?.loseContext();
  return name !== null && !IN_SOFTWARE.test(name);
}

/** One canvas whose units are pixels, y up. */
export class HeadView {
  private readonly renderer: THREE.WebGLRenderer;
  private readonly scene = new THREE.Scene();
  private readonly camera = new THREE.OrthographicCamera();
  private readonly meshes: THREE.Mesh[] = [];
  private readonly colours: THREE.BufferAttribute;
  private readonly triangles: Uint32Array;
  private readonly material: THREE.Material;
  /** Fills the depth first, so that a head that lets its picture through shows its front alone. */
  private readonly depth = new THREE.MeshBasicMaterial({
    colorWrite: false, polygonOffset: true, polygonOffsetFactor: 1, polygonOffsetUnits: 1,
  });
  private texture: THREE.Texture | null = null;
  private size = "";

  constructor(canvas: HTMLCanvasElement, head: HeadModel, private readonly opacity: number) {
    this.renderer = new THREE.WebGLRenderer({ canvas, alpha: true, antialias: hasGraphicsCard() });
    const light = new THREE.DirectionalLight(0xffffff, 2.2);
    light.position.set(0.3, 0.5, 1);
    this.scene.add(light, new THREE.AmbientLight(0xffffff, 0.9));
    this.colours = new THREE.BufferAttribute(vertexColours(head), 3);
    this.triangles = surfaceTriangles(head);
    // the depth is there before, so that one pass shows what two would
    const side = hasClosedSkin(head) ? THREE.FrontSide : THREE.DoubleSide;
    this.material = new THREE.MeshLambertMaterial({
      vertexColors: true, transparent: opacity < 1, opacity, side, forceSinglePass: true,
    });
    this.depth.side = side;
  }

  /** Draws heads into a picture of a size in pixels. */
  draw(heads: readonly PlacedHead[], width: number, height: number, background: OffscreenCanvas | null): void {
    if (this.size !== `${width}x${height}`) {
      this.size = `${width}x${height}`;
      this.renderer.setSize(width, height, false);
      this.camera.left = this.camera.bottom = 0;
      [this.camera.right, this.camera.top, this.camera.near, this.camera.far] = [width, height, -DEPTH, DEPTH];
      this.camera.updateProjectionMatrix();
      this.texture?.dispose();
      this.texture = null;
    }
    this.scene.background = background && this.pictureOf(background);
    heads.forEach((head, number) => this.place(this.meshes[number] ?? this.another(), head));
    this.meshes.forEach((mesh, number) => (mesh.visible = number < heads.length));
    this.renderer.render(this.scene, this.camera);
  }

  private pictureOf(picture: OffscreenCanvas): THREE.Texture {
    if (this.texture?.image !== picture) {
      this.texture?.dispose();
      this.texture = new THREE.CanvasTexture(picture);
      this.texture.colorSpace = THREE.SRGBColorSpace;
      this.texture.generateMipmaps = false;
      this.texture.minFilter = THREE.LinearFilter;
    }
    this.texture.needsUpdate = true;
    return this.texture;
  }

  private another(): THREE.Mesh {
    const geometry = new THREE.BufferGeometry();
    for (const name of ["position", "normal"]) {
      const attribute = new THREE.BufferAttribute(new Float32Array(this.colours.array.length), 3);
      geometry.setAttribute(name, attribute.setUsage(THREE.DynamicDrawUsage));
    }
    geometry.setAttribute("color", this.colours);
    geometry.setIndex(new THREE.BufferAttribute(this.triangles, 1));
    const mesh = new THREE.Mesh(geometry, this.material);
    if (this.opacity < 1) mesh.add(new THREE.Mesh(geometry, this.depth));
    mesh.matrixAutoUpdate = false;
    mesh.traverse((part) => (part.frustumCulled = false));
    this.meshes.push(mesh);
    this.scene.add(mesh);
    return mesh;
  }

  private place(mesh: THREE.Mesh, { surface, placement }: PlacedHead): void {
    for (const [name, numbers] of [["position", surface.vertices], ["normal", surface.normals]] as const) {
      const attribute = mesh.geometry.getAttribute(name) as THREE.BufferAttribute;
      attribute.copyArray(numbers);
      attribute.needsUpdate = true;
    }
    mesh.matrix.set(...(placement as Twelve), 0, 0, 0, 1);
    mesh.matrixWorldNeedsUpdate = true;
  }
}
