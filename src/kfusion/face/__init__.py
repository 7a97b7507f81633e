"""Find the 68 landmarks of the faces in a picture, and look again before a face is believed."""

from kfusion.face.finder import EXTRACTOR as EXTRACTOR
from kfusion.face.finder import LANDMARKER as LANDMARKER
from kfusion.face.finder import FaceFinder as FaceFinder
from kfusion.face.portrait import find_identity as find_identity
from kfusion.face.search import find_on_tiles as find_on_tiles
from kfusion.face.views import Finder as Finder
from kfusion.face.views import Scene as Scene
