/** Places the names of a map's marks so that they stay on the map and off each other. */

const GAP = 7;
/** Width of a character and height of a line, in parts of the size of the text. */
const CHARACTER = 0.58;
const LINE = 1.5;

/**
 * Return where each name goes, in order: the first ones get the better sides.
 *
 * @param {{text: string, x: number, y: number}[]} marks
 * @param {{size: number, width: number, height: number, obstacles: {x: number, y: number}[]}} map
 *   obstacles: centres of everything else that should not be written over
 * @returns {{x: number, y: number, anchor: "start" | "middle" | "end"}[]}
 */
export function placed(marks, { size, width, height, obstacles }) {
  const taken = obstacles.map((at) => around(at, GAP - 2));
  const inside = (box) =>
    box.left >= 0 && box.right <= width && box.top >= 0 && box.bottom <= height;
  return marks.map(({ text, x, y }) => {
    const long = text.length * CHARACTER * size;
    const sides = [
      { x: x + GAP, y: y + size * 0.35, anchor: "start" },
      { x: x - GAP, y: y + size * 0.35, anchor: "end" },
      { x, y: y - GAP, anchor: "middle" },
      { x, y: y + GAP + size * 0.8, anchor: "middle" },
    ].map((side) => ({ side, box: boxOf(side, long, size) }));
    const on = sides.filter(({ box }) => inside(box));
    const free = on.find(({ box }) => !taken.some((other) => overlap(box, other)));
    const { side, box } = free ?? on[0] ?? sides[0];
    taken.push(box);
    return side;
  });
}

function boxOf({ x, y, anchor }, long, size) {
  const left = anchor === "start" ? x : anchor === "end" ? x - long : x - long / 2;
  const top = y - size * 1.1;
  return { left, right: left + long, top, bottom: top + size * LINE };
}

function around({ x, y }, radius) {
  return { left: x - radius, right: x + radius, top: y - radius, bottom: y + radius };
}

function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
