"""The geometric matcher: what two photos share around a mole tells where it went.

Frames, beside photo pixels: *cells* are photo pixels divided by the size of a cell of the photo's
grid, so that cell (row, column) has its centre at (x, y) = (column + 0.5, row + 0.5). A *window* is
a small square drawn around one mole at some zoom, `zoom` window pixels to a pixel of the source.
Arrays of places are (n, 2) in (x, y) order.
"""
