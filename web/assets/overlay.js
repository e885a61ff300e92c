// An explanation, drawn over the image that it explains.

// Those of handler/overlay.py: lighter is more, and where there is nothing the image stays.
export const COLOURS = [
  [0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85],
  [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164]
];

/**
 * Draws a map where it lies in the image.
 *
 * @param canvas lies over the image, which has `width` x `height` pixels.
 * @param explanation has `map`, rows of 0 to 1, and `region`, its place as fractions of the image's sides.
 */
export function draw(canvas, { width, height }, { map, region }) {
  Object.assign(canvas, { width, height });
  const small = new OffscreenCanvas(map[0].length, map.length);
  const pixels = small.getContext("2d").createImageData(small.width, small.height);
  map.flat().forEach((value, index) => pixels.data.set(colour(value), 4 * index));
  small.getContext("2d").putImageData(pixels, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(small, region.left * width, region.top * height,
    (region.right - region.left) * width, (region.bottom - region.top) * height);
}

/** Returns what a map's values look like, from 0 to 1, as a style's background. */
export const ramp = () => `linear-gradient(to right, ${COLOURS.map((each) => `rgb(${each})`).join(", ")})`;

function colour(value) {
  const place = value * (COLOURS.length - 1);
  const below = Math.min(Math.floor(place), COLOURS.length - 2);
  const mixed = COLOURS[below].map((part, channel) => part + (place - below) * (COLOURS[below + 1][channel] - part));
  return [...mixed, 255 * value];
}
