/** Pictures that people choose, beside the page. */
import { answerCalls } from "../worker_calls.js";
import { readPicture } from "./picture.js";

answerCalls({ read: ({ file, name }) => readPicture(file, name) });
