// Draws the three invented people of the page: `node samples/draw.mjs` writes NAME.svg beside itself.
// Shaded like photographs where the landmarker looks: brow, lids, sides of the nose, both lips.
import { writeFileSync } from "node:fs";

const PEOPLE = {
  mira: {
    ground: ["#f6d9c2", "#e9a98b"],
    skin: { light: "#e2ab86", base: "#c98a63", dark: "#9c5f3f", line: "#5e3422" },
    hair: { base: "#2b1a17", light: "#5b3a31" },
    lips: { upper: "#9c4444", lower: "#b8595a", line: "#5a2326" },
    iris: "#5b3b22",
    shirt: "#2f6f73",
    style: "long",
  },
  tomas: {
    ground: ["#d9e6ee", "#9dbccc"],
    skin: { light: "#f9dcc6", base: "#eebf9f", dark: "#c98f6d", line: "#7a4a34" },
    hair: { base: "#8a4b25", light: "#b97741" },
    lips: { upper: "#b9685e", lower: "#cf8277", line: "#7d3d38" },
    iris: "#4d7c8a",
    shirt: "#39477a",
    style: "short",
  },
  nia: {
    ground: ["#e4e0f2", "#b3a7d6"],
    skin: { light: "#9a6444", base: "#7a4a30", dark: "#52301e", line: "#2c170e" },
    hair: { base: "#15100f", light: "#3a2c28" },
    lips: { upper: "#6d2f33", lower: "#8d464a", line: "#3a1517" },
    iris: "#3a2415",
    shirt: "#d9a441",
    style: "curls",
  },
};

const HEAD =
  "M196 300 C196 178 250 130 320 130 C390 130 444 178 444 300 C444 352 434 396 408 436 C384 470 352 492 320 492 C288 492 256 470 232 436 C206 396 196 352 196 300 Z";

function draw(person) {
  const { ground, skin, hair, shirt } = person;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="640" viewBox="70 70 500 500">
${definitions(person)}
<rect width="640" height="640" fill="url(#ground)"/>
${behind(person)}
<path d="M262 440 C264 500 262 528 236 544 C150 566 96 584 76 640 L564 640 C544 584 490 566 404 544 C378 528 376 500 378 440 Z" fill="url(#neck)"/>
<path d="M76 640 C96 584 150 566 232 546 C262 592 378 592 408 546 C490 566 544 584 564 640 Z" fill="${shirt}"/>
<path d="M232 546 C262 592 378 592 408 546 L420 550 C388 612 252 612 220 550 Z" fill="#000" opacity=".14"/>
<g fill="url(#ear)"><ellipse cx="195" cy="322" rx="18" ry="36"/><ellipse cx="445" cy="322" rx="18" ry="36"/></g>
<path d="${HEAD}" fill="url(#face)"/>
<path d="${HEAD}" fill="url(#side)"/>
<g filter="url(#soft)">${shading(skin)}</g>
${eye(person, 262, 1)}${eye(person, 378, -1)}
${brow(hair, 1)}${brow(hair, -1)}
${nose(skin)}
${mouth(person)}
${before(person)}
</svg>
`;
}

function definitions({ ground, skin, hair }) {
  return `<defs>
<radialGradient id="ground" cx=".5" cy=".4" r=".75"><stop offset="0" stop-color="${ground[0]}"/><stop offset="1" stop-color="${ground[1]}"/></radialGradient>
<radialGradient id="face" cx=".46" cy=".42" r=".62"><stop offset="0" stop-color="${skin.light}"/><stop offset=".6" stop-color="${skin.base}"/><stop offset="1" stop-color="${skin.dark}"/></radialGradient>
<linearGradient id="side"><stop offset="0" stop-color="${skin.dark}" stop-opacity=".35"/><stop offset=".2" stop-color="${skin.dark}" stop-opacity="0"/><stop offset=".72" stop-color="${skin.dark}" stop-opacity="0"/><stop offset="1" stop-color="${skin.dark}" stop-opacity=".6"/></linearGradient>
<linearGradient id="neck" x2="0" y2="1"><stop offset="0" stop-color="${skin.dark}"/><stop offset=".35" stop-color="${skin.dark}"/><stop offset=".6" stop-color="${skin.base}"/></linearGradient>
<radialGradient id="ear"><stop offset="0" stop-color="${skin.dark}"/><stop offset="1" stop-color="${skin.base}"/></radialGradient>
<linearGradient id="hair" x2=".3" y2="1"><stop offset="0" stop-color="${hair.light}"/><stop offset=".5" stop-color="${hair.base}"/></linearGradient>
<filter id="soft" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="7"/></filter>
<filter id="fine" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="1.6"/></filter>
</defs>`;
}

/** Sockets, sides of the nose, cheeks, under the lower lip and the chin. */
function shading({ dark, light }) {
  return `<g fill="${dark}">
<ellipse cx="262" cy="286" rx="42" ry="20" opacity=".42"/><ellipse cx="378" cy="286" rx="42" ry="20" opacity=".42"/>
<path d="M303 292 C300 330 292 350 288 366 L306 372 L312 300 Z" opacity=".35"/><path d="M337 292 C340 330 348 350 352 366 L334 372 L328 300 Z" opacity=".5"/>
<ellipse cx="320" cy="384" rx="30" ry="8" opacity=".55"/><ellipse cx="320" cy="449" rx="30" ry="7" opacity=".5"/>
<path d="M252 400 C262 440 290 470 320 478 C350 470 378 440 390 396 C384 450 356 490 320 492 C284 490 258 450 252 400 Z" opacity=".4"/>
</g><g fill="${light}"><ellipse cx="250" cy="352" rx="26" ry="20" opacity=".7"/><ellipse cx="384" cy="352" rx="22" ry="18" opacity=".5"/>
<ellipse cx="316" cy="340" rx="8" ry="36" opacity=".8"/><ellipse cx="314" cy="212" rx="58" ry="30" opacity=".6"/><ellipse cx="318" cy="466" rx="20" ry="9" opacity=".6"/></g>`;
}

function eye({ iris, skin }, x, way) {
  const at = (dx) => x - way * dx; // positive: outwards, to the temple
  return `<path d="M${at(28)} 301 C${at(16)} 283 ${at(-12)} 281 ${at(-25)} 305 C${at(-10)} 315 ${at(14)} 316 ${at(28)} 301 Z" fill="#f4efe9"/>
<g><circle cx="${x}" cy="298" r="13.5" fill="${iris}"/><circle cx="${x}" cy="298" r="13.5" fill="none" stroke="#000" stroke-opacity=".45" stroke-width="2"/><circle cx="${x}" cy="298" r="6.2" fill="#0c0808"/><circle cx="${x - 4}" cy="293" r="3" fill="#fff"/></g>
<path d="M${at(32)} 303 C${at(18)} 276 ${at(-14)} 274 ${at(-26)} 306 C${at(-12)} 287 ${at(14)} 284 ${at(32)} 303 Z" fill="${skin.line}"/>
<path d="M${at(28)} 301 C${at(14)} 316 ${at(-10)} 315 ${at(-25)} 305" fill="none" stroke="${skin.line}" stroke-opacity=".55" stroke-width="2"/>
<path d="M${at(30)} 288 C${at(16)} 270 ${at(-12)} 270 ${at(-24)} 290" fill="none" stroke="${skin.line}" stroke-opacity=".5" stroke-width="2.4" filter="url(#fine)"/>
<path d="M${at(24)} 318 C${at(10)} 328 ${at(-10)} 327 ${at(-20)} 320" fill="none" stroke="${skin.dark}" stroke-opacity=".6" stroke-width="3" filter="url(#fine)"/>`;
}

function brow({ base }, way) {
  const at = (x) => 320 - way * x;
  return `<path d="M${at(28)} 262 C${at(50)} 246 ${at(78)} 242 ${at(100)} 262 C${at(78)} 253 ${at(52)} 258 ${at(30)} 273 Z" fill="${base}" opacity=".92" filter="url(#fine)"/>`;
}

function nose({ line, dark, light }) {
  return `<g filter="url(#fine)"><path d="M286 366 C280 374 284 386 296 385 M354 366 C360 374 356 386 344 385" fill="none" stroke="${dark}" stroke-width="4"/>
<ellipse cx="304" cy="383" rx="8" ry="3.6" fill="${line}" opacity=".8"/><ellipse cx="336" cy="383" rx="8" ry="3.6" fill="${line}" opacity=".8"/>
<path d="M310 385 C316 390 324 390 330 385" fill="none" stroke="${dark}" stroke-width="3"/><ellipse cx="317" cy="368" rx="8" ry="6" fill="${light}" opacity=".8"/></g>`;
}

function mouth({ lips }) {
  return `<path d="M271 419 C288 414 306 409 314 411 Q320 414 326 411 C334 409 352 414 369 419 C350 425 336 425 320 426 C304 425 290 425 271 419 Z" fill="${lips.upper}"/>
<path d="M271 419 C290 425 304 425 320 426 C336 425 350 425 369 419 C355 437 338 445 320 445 C302 445 285 437 271 419 Z" fill="${lips.lower}"/>
<path d="M269 417 C289 426 304 424 320 426.5 C336 424 351 426 371 417" fill="none" stroke="${lips.line}" stroke-width="2.6" stroke-linecap="round"/>
<ellipse cx="318" cy="434" rx="17" ry="3.4" fill="#fff" opacity=".22" filter="url(#fine)"/>`;
}

function behind({ style, hair }) {
  const fill = `fill="url(#hair)"`;
  if (style === "long")
    return `<path d="M320 92 C200 88 152 178 158 300 C162 400 138 480 150 560 C200 590 440 590 490 560 C502 480 478 400 482 300 C488 178 440 88 320 92 Z" ${fill}/>`;
  if (style === "short")
    return `<path d="M320 96 C232 92 184 150 186 250 L190 310 L450 310 L454 250 C456 150 408 92 320 96 Z" ${fill}/>`;
  return `<g fill="${hair.base}">${curls().join("")}</g>`;
}

/** A round head of hair. */
function curls() {
  return Array.from({ length: 26 }, (_, n) => {
    const turn = Math.PI * (0.86 + (1.28 * n) / 25);
    const [x, y] = [320 + 152 * Math.cos(turn), 258 + 160 * Math.sin(turn)];
    return `<circle cx="${x.toFixed(0)}" cy="${y.toFixed(0)}" r="${44 + 6 * (n % 3)}"/>`;
  });
}

function before({ style, hair }) {
  const fill = `fill="url(#hair)"`;
  if (style === "long")
    return `<path d="M330 116 C250 104 186 166 188 312 C204 268 220 226 268 190 C292 172 316 152 330 116 Z" ${fill}/><path d="M322 116 C400 104 456 166 452 314 C440 268 426 228 384 196 C354 174 332 150 322 116 Z" ${fill}/>`;
  if (style === "short")
    return `<path d="M188 300 C178 190 214 104 330 104 C430 104 462 190 452 300 C446 262 440 232 424 206 C388 214 330 206 286 176 C262 194 226 210 212 226 C200 250 194 270 188 300 Z" ${fill}/><path d="M240 150 C290 118 360 120 402 152" fill="none" stroke="${hair.light}" stroke-opacity=".5" stroke-width="7" filter="url(#soft)"/>`;
  return `<path d="M194 292 C188 190 240 116 320 116 C400 116 452 190 446 292 C438 240 420 196 392 178 C346 158 294 158 248 178 C220 196 202 240 194 292 Z" fill="${hair.base}"/><g fill="${hair.light}" opacity=".35" filter="url(#soft)"><ellipse cx="270" cy="128" rx="60" ry="22"/></g>`;
}

for (const [name, person] of Object.entries(PEOPLE))
  writeFileSync(new URL(`${name}.svg`, import.meta.url), draw(person));
