/**
 * Where there is land, coarsely: enough to recognise a continent, far too little to navigate by.
 *
 * One row per 3 degrees of latitude from 75 north to 54 south, one bit per 3 degrees of longitude
 * from 180 west, most significant bit first. Sampled from Natural Earth 1:110m (public domain).
 */

export const STEP = 3;
export const NORTH = 75;
export const WEST = -180;

const ROWS = [
  "0000038f807ff8000001007fc03400",
  "00003fb3e03ff000000617fffe3c00",
  "07c204ba47e01fffc0ff2800000008",
  "10000001e5c0f1ff00c00000000000",
  "17fffffc081c0003dfffffffffffff",
  "0fe7fff03a000003c3ffffffffff30",
  "0180fffc3f0000209fffffffffc0c0",
  "00007fffbf800051fffffffffff080",
  "00007fffff000037fffffffffff000",
  "00003ffffcc0001ffffffffffff000",
  "00001ffffe00000f7df7ffffffd000",
  "00001ffff0000078b937fffffe0000",
  "00001fffe000007057f3ffffe20000",
  "00001fffe000000f00fffffff26000",
  "000007ffc000007f00fffffff10000",
  "000007fd8000007ffff7fffff80000",
  "000003f0000001fffefbfffff00000",
  "000000e0000001ffff7e3fffe80000",
  "00000072200003ffff7f1f9f000000",
  "0000003e200001ffffbe0f1e080000",
  "00000007000003ffffb80607080000",
  "00000001000001ffffc00603000000",
  "00000000df0000fffff80000000000",
  "000000003f8000f3fff00004000000",
  "000000003fe00001fff00008600000",
  "000000007fe00001ffc00006e00000",
  "000000007ffe0001ff80000268e200",
  "000000007fff0000ff800001003800",
  "000000003fff0000ff800000001400",
  "000000003ffe00007f80000000d000",
  "000000001ffe0000ffc80000039000",
  "000000000ffe0000ff10000007f801",
  "0000000007fc0000ff1000001ffc00",
  "0000000007f800007f1000003ffe00",
  "000000000ff000007e0000003ffe00",
  "000000000fe000003c0000003ffe00",
  "000000000fc0000038000000187e00",
  "000000000f80000000000000003c00",
  "000000000e00000000000000000002",
  "000000001c00000000000000000804",
  "000000001c00000000000000000008",
  "000000001c00000000000000000000",
  "000000001800000000000000000000",
  "000000000c00000000000000000000",
];

/** Every grid point on land as [latitude, longitude] in degrees. */
export function points() {
  return ROWS.flatMap((row, index) => {
    const latitude = NORTH - index * STEP;
    const bits = [...row].map((digit) => parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
    return [...bits].flatMap((bit, column) =>
      bit === "1" ? [[latitude, WEST + (column + 0.5) * STEP]] : [],
    );
  });
}
