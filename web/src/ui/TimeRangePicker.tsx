import { Button, Popover, SegmentedControl, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconCalendar } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { clockInput, momentRange } from "~/format.ts";
import { fixedRange, LONGEST_DAYS, TIME_RANGES, timeRange, type FixedRange, type FixedRangeProblem, type TimeRange } from "~/time-range.ts";
import { useUrl, type UrlState } from "~/url-state.ts";
import classes from "./TimeRangePicker.module.css";

const chosen = (url: UrlState) => timeRange({ range: url.get("range"), from: url.get("from"), to: url.get("to") });
const isFixed = (range: TimeRange | FixedRange): range is FixedRange => "from" in range;

export function useTimeRange(): TimeRange {
  return chosen(useUrl());
}

/** The last hours or days by one click, or from one moment to another. */
export function TimeRangePicker() {
  const url = useUrl();
  const [opened, popover] = useDisclosure(false);
  const range = chosen(url);
  const fixed = isFixed(range) ? range : null;
  return (
    <div className={classes.picker}>
      <SegmentedControl
        aria-label="Time range"
        data={TIME_RANGES.map(({ name }) => ({ value: name, label: name }))}
        value={fixed ? "" : range.name}
        onChange={(name) => url.set({ range: name, from: undefined, to: undefined })}
      />
      <Popover opened={opened} onChange={popover.toggle} position="bottom-end" trapFocus withinPortal>
        <Popover.Target>
          <Button variant={fixed ? "light" : "default"} leftSection={<IconCalendar size={14} aria-hidden />} onClick={popover.toggle} aria-haspopup="dialog">
            {fixed ? momentRange(fixed.from, fixed.to) : "From … to"}
          </Button>
        </Popover.Target>
        <Popover.Dropdown aria-label="Time range from one moment to another">
          <Moments key={range.name} of={range} onDone={popover.close} />
        </Popover.Dropdown>
      </Popover>
    </div>
  );
}

const PROBLEM: Record<FixedRangeProblem, string> = {
  incomplete: "Both moments are needed.",
  backwards: "This must be later than the beginning.",
  "too long": `At most ${LONGEST_DAYS} days: telemetry is kept for about as long.`,
};

function Moments({ of, onDone }: { of: TimeRange; onDone: () => void }) {
  const url = useUrl();
  const [start] = useState(() => of.bounds(Date.now()));
  const [from, setFrom] = useState(clockInput(start.from));
  const [to, setTo] = useState(clockInput(start.to));
  const [problem, setProblem] = useState<FixedRangeProblem | null>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const next = fixedRange(Date.parse(from), Date.parse(to));
    if (typeof next === "string") {
      setProblem(next);
      return;
    }
    url.set({ range: undefined, ...next.bounds(Date.now()) });
    onDone();
  };
  return (
    <form onSubmit={submit} className={classes.form}>
      <TextInput type="datetime-local" label="From" value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
      <TextInput type="datetime-local" label="To" description="Both in your own time zone." value={to} error={problem && PROBLEM[problem]} onChange={(event) => setTo(event.currentTarget.value)} />
      <Button type="submit">Show this time</Button>
    </form>
  );
}
