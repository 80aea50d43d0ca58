"""The geometric matcher, which predicts a mole's position from everything two photos share.

1. `first_geometry`: plane maps fitted to several kinds of matches (`first_fit`): mutual nearest
   neighbours and distinct matches of all cells (`correspondences`), `keypoints`, and neighbours at
   other sizes (`photos`), of the photos as they are and without the light on them
   (`flattening`). Each is judged by matching again under it (`attempts`); the best confirmed one
   stays.
2. `photo_pair`: a smooth `warp_field` refines the plane map. Rounds of warping the target into the
   source's frame (`canvas`), extracting features again and matching locally grow it over the photo,
   except where matches agree no better than by chance (`support`). A field of few matches is given
   up if dark blobs do not lie where it predicts them (`spot_check`).
3. `spot_search`: windows of both photos around each mole are compared at rising resolution
   (`window_matching`), with the warp field's prediction as the prior. Then grey values around the
   mole are aligned to a fraction of a pixel (`pixel_alignment`).
4. `skin_blobs`: dark blobs of the source's skin near the moles are found in the same way.
5. `locating`: all of these are `anchors`. A Gaussian process predicts from the others how far each
   mole is off the warp field; a mole found elsewhere is searched again where they predict it.
   Where both leave a mole's place unsure, the shift on which the blobs around it agree predicts it
   (`arrangement`, `arranged_priors`).
6. `mole_alignment`: each mole is aligned by itself, in a window of its own size (`mole_windows`).
7. `other_spots`: a spot where another one of the source is expected is not the mole.
8. `vacancy`: the skin where the mole is expected and where it was found is compared with that in
   the source, with and without the mole, as evidence of a mole that has gone.

Coordinate frames: besides photo pixels, *cells* are photo pixels divided by the size of a cell of
the photo's grid, so that cell (row, column) has its centre at (x, y) = (column + 0.5, row + 0.5). A
*window* is a small square around one mole, sampled at `zoom` window pixels per source pixel.
Arrays of points are (n, 2) in (x, y) order. Constants for which no source or measurement is given
were chosen by hand on generated photos.
"""
