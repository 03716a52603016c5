/** Draws the world, the regions, the client, and the ways between them. Decides nothing. */

import { svg } from "./dom.js";
import * as labels from "./labels.js";
import * as land from "./land.js";

const NORTH = 78;
const SOUTH = -57;
/** With more regions than this only those in the answer carry their names. */
const NAMED_AT_MOST = 8;
/** Size of text in the map's own units, as in the style sheet: a phone shows the map smaller. */
const TEXT = 7;
const TEXT_ON_PHONE = 12;
const PHONE = "(max-width: 40rem)";
const RADIANS = Math.PI / 180;

const x = (longitude) => longitude + 180;
const y = (latitude) => NORTH - latitude;

/**
 * Draw into `frame`.
 *
 * @param {Element} frame
 * @param {{regions: object[], client: object | null, roles: Map<string, string>}} what
 *   roles: the name of a region to the best role it plays in the answer
 */
export function draw(frame, { regions, client, roles }) {
  const ways = client ? regions.filter(({ name }) => roles.has(name)) : [];
  frame.replaceChildren(
    svg("path", { class: "land", d: dots(land.points()) }),
    svg("path", { class: "graticule", d: graticule() }),
    ...ways.map((region) =>
      svg("path", { class: `way ${roles.get(region.name)}`, d: greatCircle(client, region) }),
    ),
    ...regions.map((region) => regionMark(region, roles.get(region.name) ?? "idle")),
    ...(client ? [clientMark(client)] : []),
    ...names(regions, { client, roles }),
  );
  frame.setAttribute("aria-label", caption({ regions, client, roles }));
}

function caption({ regions, client, roles }) {
  const where = client ? `The client is taken to be at ${degrees(client)}. ` : "";
  const parts = regions.map(({ name }) => `${name} (${roles.get(name) ?? "not in the answer"})`);
  return `World map. ${where}Regions: ${parts.join(", ") || "none"}.`;
}

/** Return a place as people write it: 52.5° N, 13.4° E. */
export function degrees({ latitude, longitude }) {
  const part = (value, positive, negative) =>
    `${Math.abs(value).toFixed(1)}° ${value < 0 ? negative : positive}`;
  return `${part(latitude, "N", "S")}, ${part(longitude, "E", "W")}`;
}

function regionMark(region, role) {
  const [cx, cy] = [x(region.longitude), y(region.latitude)];
  return svg(
    "g",
    { class: `region ${role}` },
    svg("title", {}, `${region.name}: ${role === "idle" ? "not in the answer" : role}`),
    svg("circle", { class: "halo", cx, cy, r: 5.5 }),
    svg("circle", { class: "dot", cx, cy, r: 2.6 }),
  );
}

/** Write the names of regions, those in the answer first: they get the better places. */
function names(regions, { client, roles }) {
  const at = (place) => ({ x: x(place.longitude), y: y(place.latitude) });
  const named = regions
    .filter(({ name }) => roles.has(name) || regions.length <= NAMED_AT_MOST)
    .sort((a, b) => Number(roles.has(b.name)) - Number(roles.has(a.name)));
  const places = labels.placed(
    named.map((region) => ({ text: region.name, ...at(region) })),
    {
      size: window.matchMedia(PHONE).matches ? TEXT_ON_PHONE : TEXT,
      width: 360,
      height: NORTH - SOUTH,
      obstacles: [...regions, ...(client ? [client] : [])].map(at),
    },
  );
  return named.map(({ name }, index) => {
    const { anchor, ...place } = places[index];
    return svg("text", { ...place, "text-anchor": anchor }, name);
  });
}

function clientMark(client) {
  const [cx, cy] = [x(client.longitude), y(client.latitude)];
  return svg(
    "g",
    { class: "client" },
    svg("title", {}, "where the client is taken to be"),
    svg("circle", { class: "ring", cx, cy, r: 4.2 }),
    svg("circle", { class: "dot", cx, cy, r: 1.8 }),
  );
}

function dots(points) {
  return points.map(([latitude, longitude]) => `M${x(longitude)} ${y(latitude)}h0`).join("");
}

function graticule() {
  const lines = [];
  for (let longitude = -150; longitude <= 150; longitude += 30)
    lines.push(`M${x(longitude)} 0V${y(SOUTH)}`);
  for (let latitude = 60; latitude > SOUTH; latitude -= 30) lines.push(`M0 ${y(latitude)}H360`);
  return lines.join("");
}

/** Return the shortest way over the globe as a path; it is lifted where it crosses the date line. */
function greatCircle(from, to) {
  const [a, b] = [vector(from), vector(to)];
  const angle = Math.acos(Math.min(1, Math.max(-1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2])));
  if (angle < 1e-6) return "";
  const steps = Math.max(2, Math.ceil(angle / (2 * RADIANS)));
  let path = "";
  let previous = null;
  for (let step = 0; step <= steps; step += 1) {
    const [near, far] = [Math.sin((1 - step / steps) * angle), Math.sin((step / steps) * angle)];
    const [vx, vy, vz] = a.map((value, axis) => (near * value + far * b[axis]) / Math.sin(angle));
    const longitude = Math.atan2(vy, vx) / RADIANS;
    const latitude = Math.asin(Math.min(1, Math.max(-1, vz))) / RADIANS;
    const crosses = previous !== null && Math.abs(longitude - previous) > 180;
    path += `${previous === null || crosses ? "M" : "L"}${x(longitude).toFixed(1)} ${y(latitude).toFixed(1)}`;
    previous = longitude;
  }
  return path;
}

function vector({ latitude, longitude }) {
  const [phi, lambda] = [latitude * RADIANS, longitude * RADIANS];
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}
