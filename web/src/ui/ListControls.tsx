import { ActionIcon, Button, CloseButton, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconChevronRight, IconChevronsLeft, IconSearch } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { Link } from "react-router";
import { count } from "~/format.ts";
import { useUrl } from "~/url-state.ts";
import classes from "./ListControls.module.css";

const TYPING_PAUSE_MS = 250;

export function FilterBar({ children }: { children: ReactNode }) {
  return <div className={classes.bar}>{children}</div>;
}

/** A filter whose value is a parameter of the address; "" means no filter. */
export function UrlSelect({ name, label, options, fallback = "" }: { name: string; label: string; options: readonly { value: string; label: string }[]; fallback?: string }) {
  const url = useUrl();
  return (
    <NativeSelect
      aria-label={label}
      data={[...options]}
      value={url.get(name) ?? fallback}
      onChange={(event) => url.set({ [name]: event.currentTarget.value === fallback ? undefined : event.currentTarget.value })}
    />
  );
}

/** The search field of a page. While somebody types, their text is shown; afterwards the address is. */
export function UrlSearch({ name = "search", label }: { name?: string; label: string }) {
  const url = useUrl();
  const [draft, setDraft] = useState<string | null>(null);
  const send = useDebouncedCallback((text: string) => url.set({ [name]: text }, { replace: true }), TYPING_PAUSE_MS);
  const shown = draft ?? url.get(name) ?? "";
  const type = (text: string) => {
    setDraft(text);
    send(text);
  };
  return (
    <TextInput
      className={classes.search}
      type="search"
      data-search
      aria-label={label}
      placeholder={`${label}  ( / )`}
      leftSection={<IconSearch size={14} aria-hidden />}
      rightSection={shown ? <CloseButton size={22} aria-label="Clear the search" onClick={() => type("")} /> : null}
      value={shown}
      onChange={(event) => type(event.currentTarget.value)}
      onBlur={() => setDraft(null)}
    />
  );
}

/** Where in a long list this page is. Back in the browser goes back a page. */
export function Pager({ shown, total, next, what }: { shown: number; total: number; next: string | null | undefined; what: string }) {
  const url = useUrl();
  const inside = url.get("cursor") !== undefined;
  if (total === 0) return null;
  return (
    <nav className={classes.pager} aria-label={`Pages of ${what}`}>
      <span>
        {count(shown)} of {count(total)} {what}
      </span>
      {inside && (
        <ActionIcon component={Link} to={url.with({ cursor: undefined })} variant="default" size={28} aria-label="First page">
          <IconChevronsLeft size={15} />
        </ActionIcon>
      )}
      {next && (
        <Button component={Link} to={url.with({ cursor: next })} variant="default" rightSection={<IconChevronRight size={14} aria-hidden />}>
          Next page
        </Button>
      )}
    </nav>
  );
}
