/** Films of a portrait that talks, with its sound: recorded as it is shown, or drawn picture by picture. */
export class FilmRecorder {}
export function renderFilm() {}
