import { ActionIcon, CopyButton as Clipboard, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";

export function CopyButton({ text, what }: { text: string; what: string }) {
  return (
    <Clipboard value={text} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? "Copied" : "Copy"}>
          <ActionIcon variant="default" size={26} onClick={copy} aria-label={copied ? `Copied: ${what}` : `Copy: ${what}`}>
            {copied ? <IconCheck size={14} color="var(--qs-good)" /> : <IconCopy size={14} />}
          </ActionIcon>
        </Tooltip>
      )}
    </Clipboard>
  );
}
