// Reads objects of custom kinds as a JSON list on standard input; prints what is wrong with each, a line each, or nothing.
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import { PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";

const kinds = { ScaledObject, PrometheusRule, ServiceMonitor };
let text = "";
for await (const chunk of process.stdin) text += chunk;
for (const { apiVersion, kind, ...rest } of JSON.parse(text)) {
  try {
    const made = new kinds[kind](rest);
    if (made.apiVersion !== apiVersion) throw new Error(`apiVersion is ${made.apiVersion}`);
    made.validate();
  } catch (error) {
    console.log(`${kind} ${rest.metadata?.name}: ${error.message}`);
  }
}
