import { Link } from "react-router";
import type { Signing } from "~/api/types.ts";
import { links } from "~/links.ts";
import { Note } from "~/ui/Note.tsx";
import type { Signer } from "./signer.ts";
import classes from "./ToSign.module.css";

/** Exactly the text that is signed, and whether it can be signed here. */
export function ToSign({ signing, signer }: { signing: Signing; signer: Signer }) {
  const names = signing.approvers.map((approver) => approver.name).join(", ");
  return (
    <>
      <p className={classes.lead}>
        This server's host takes nobody's word: it carries out what its approvers ({names}) signed. {signer.owner && <>You sign this as <strong>{signer.owner}</strong>:</>}
      </p>
      <pre className={classes.text} tabIndex={0} aria-label="The text to sign">
        {signing.text}
      </pre>
      {signer.why && (
        <Note tone="warn">
          {signer.why} <Link to={links.settings("key")}>Your key</Link>
        </Note>
      )}
    </>
  );
}
