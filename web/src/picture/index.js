/** Talking portraits, points and curves on canvases, and films of them. */

export { renderFilm } from "./film.js";
export { FilmRecorder } from "./film_recorder.js";
export { TalkingPicture } from "./talking.js";
export { OpeningCurve, PointsView } from "./views.js";
