import {
  IconAlertTriangle, IconArrowDown, IconArrowUp, IconArrowBackUp, IconCheck, IconClock, IconFlask, IconInfoCircle,
  IconMinus, IconPlayerPlay, IconX, type Icon,
} from "@tabler/icons-react";
import classes from "./StateWord.module.css";
import type { Sign, Word } from "./states.ts";

const SIGNS: Record<Sign, Icon> = {
  check: IconCheck,
  cross: IconX,
  alert: IconAlertTriangle,
  clock: IconClock,
  play: IconPlayerPlay,
  undo: IconArrowBackUp,
  dash: IconMinus,
  flask: IconFlask,
  up: IconArrowUp,
  down: IconArrowDown,
  info: IconInfoCircle,
};

/** A state: a word, an icon and a colour. Never the colour alone. */
export function StateWord({ of, title, plain = false }: { of: Word; title?: string | null; plain?: boolean }) {
  const Sign = SIGNS[of.sign];
  return (
    <span className={classes.word} data-tone={of.tone} data-plain={plain || undefined} title={title ?? undefined}>
      <Sign size={13} stroke={2.2} aria-hidden />
      {of.word}
    </span>
  );
}
