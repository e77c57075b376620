import { IconAlertTriangle, IconInfoCircle } from "@tabler/icons-react";
import type { PlanNode } from "~/api/types.ts";
import { amount, share } from "~/format.ts";
import classes from "./PlanTree.module.css";

/** A plan in words: what each step does, and what part of the cost it is. Deeper steps feed the one above. */
export function PlanTree({ nodes }: { nodes: readonly PlanNode[] }) {
  return (
    <ol className={classes.tree} aria-label="Steps of the plan">
      {nodes.map((node) => (
        <li key={node.id} className={classes.node} style={{ "--depth": node.depth }} aria-level={node.depth + 1}>
          <div className={classes.cost} title={`${amount(node.cost_self)} cost units of its own`}>
            <span className={classes.track} aria-hidden>
              <span style={{ width: `${Math.min(100, node.cost_share * 100)}%` }} data-heavy={node.cost_share > 0.5 || undefined} />
            </span>
            <span className="number">{share(node.cost_share)}</span>
          </div>
          <div className={classes.what}>
            <div>
              <strong>{node.node}</strong> <span className={classes.rows}>{amount(node.estimated_rows)} rows expected</span>
            </div>
            <div>{node.words}</div>
            {node.condition && <code className={classes.condition}>{node.condition}</code>}
            {node.remarks.map((remark) => (
              <div key={remark.text} className={classes.remark} data-severity={remark.severity}>
                {remark.severity === "warning" ? <IconAlertTriangle size={14} aria-label="warning" /> : <IconInfoCircle size={14} aria-hidden />}
                {remark.text}
              </div>
            ))}
          </div>
        </li>
      ))}
    </ol>
  );
}
