"""Pictures that several rooms draw: class maps in colour, overlays, plans, figures on a dark ground."""

from segzoo.pictures.colours import as_picture as as_picture
from segzoo.pictures.colours import colour as colour
from segzoo.pictures.colours import overlay as overlay
from segzoo.pictures.colours import palette as palette
from segzoo.pictures.figures import GROUND as GROUND
from segzoo.pictures.figures import INK as INK
from segzoo.pictures.figures import dark_figure as dark_figure
from segzoo.pictures.figures import draw_rows as draw_rows
from segzoo.pictures.figures import legend as legend
from segzoo.pictures.figures import save as save
from segzoo.pictures.figures import title as title
from segzoo.pictures.fronts import Point as Point
from segzoo.pictures.fronts import draw_front as draw_front
from segzoo.pictures.fronts import pareto_front as pareto_front
from segzoo.pictures.objects import Drawn as Drawn
from segzoo.pictures.objects import draw_objects as draw_objects
from segzoo.pictures.outlines import outlines as outlines
from segzoo.pictures.plans import draw_plan as draw_plan
