// Keeps the page's files, so that it works offline after the first load. `vite build` fills in what
// is quoted in capitals.

const NAME = `smirk3d-${"VERSION"}`;
const SHELL = ["SHELL"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(SHELL)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(removeOthers().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const own = new URL(event.request.url).origin === self.location.origin;
  if (own && event.request.method === "GET") event.respondWith(answer(event.request));
});

async function removeOthers() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith("smirk3d-") && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function answer(request) {
  const cache = await caches.open(NAME);
  const kept = await cache.match(request, { ignoreSearch: true, ignoreVary: true });
  if (kept) return isolated(kept);
  const found = await fetch(request);
  if (found.status === 200) await cache.put(request, found.clone());
  return isolated(found);
}

/** Adds the headers with which browsers allow threads. */
function isolated(found) {
  if (found.status === 0 || found.redirected) return found;
  const headers = new Headers(found.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
}
