/** Bones that turn a head, whatever way their own axes lie. */

import * as THREE from "three";

/** Of a turn, what the neck takes where there is one. */
const NECK_SHARE = 0.4;

/**
 * The head, and the neck under it.
 * @param {THREE.Object3D} head
 * @returns {Turning[]}
 */
export function turningsOf(head) {
  head.updateWorldMatrix(true, false);
  const neck = head.parent && /neck/i.test(head.parent.name) ? head.parent : null;
  if (!neck) return [new Turning(head, 1)];
  return [new Turning(neck, NECK_SHARE), new Turning(head, 1 - NECK_SHARE)];
}

/** One bone, and how it lies at rest. */
export class Turning {
  /** @param {THREE.Object3D} bone @param {number} share of the turn that is the bone's */
  constructor(bone, share) {
    this._bone = bone;
    this._share = share;
    this._rest = bone.quaternion.clone();
    this._parent = bone.parent?.getWorldQuaternion(new THREE.Quaternion()) ?? new THREE.Quaternion();
  }

  /** @param {THREE.Quaternion} turn in the axes of the world */
  to(turn) {
    const part = new THREE.Quaternion().slerp(turn, this._share);
    const inverse = this._parent.clone().invert();
    this._bone.quaternion.copy(inverse.multiply(part).multiply(this._parent).multiply(this._rest));
  }
}
