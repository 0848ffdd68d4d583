/** Access policies: the least rights that a box, a fold job and a reader need, as the S3 API has them. */
import { parseAddress } from "./address.ts";

/** The policies of a fleet; `NAME` stands for a box's name. */
export function policiesOf(url: string): Record<"box" | "fold" | "reader", unknown> {
  const { bucket, prefix } = parseAddress(url, "https://store.example.org");
  const allow = (actions: string[], ...keys: string[]) => ({
    "Effect": "Allow",
    "Action": actions,
    "Resource": keys.map((key) => `arn:aws:s3:::${bucket}${key === "" ? "" : `/${prefix}${key}`}`),
  });
  const policy = (...statements: unknown[]) => ({
    "Version": "2012-10-17",
    "Statement": [
      allow(["s3:ListBucket", "s3:GetBucketLocation"], ""),
      allow(["s3:GetObject"], "*"),
      ...statements,
    ],
  });
  const of_box = ["log", "artifacts", "traces", "runs"].map((folder) => `${folder}/box=NAME/*`);
  return {
    box: policy(allow(["s3:PutObject"], "boxes/NAME.json", ...of_box)),
    fold: policy(
      allow(["s3:PutObject", "s3:DeleteObject"], "lake/*"),
      // `fleet retain`.
      allow(["s3:PutObject", "s3:DeleteObject"], "log/*", "artifacts/*", "traces/*"),
    ),
    reader: policy(),
  };
}
