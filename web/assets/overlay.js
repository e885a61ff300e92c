// An explanation, drawn over the image that it explains.

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

/** From nothing over yellow to red. */
function colour(value) {
  return [255, Math.round(225 * (1 - value)), 0, Math.round(255 * Math.min(1, 1.2 * value))];
}
