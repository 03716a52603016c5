{{/* What every pod of the chart has in common: it passes the restricted Pod Security profile. */}}

{{- define "turnfleet.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  # Mounted Secrets belong to this group, as the programs are not root.
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
enableServiceLinks: false
{{- end }}

{{- define "turnfleet.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "turnfleet.pulling" -}}
{{- with .Values.imagePullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Where a program's pods go: its own values, and apart from each other. */}}
{{- define "turnfleet.placement" -}}
{{- $values := index .root.Values .component -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: {{ $values.topologySpread }}
    labelSelector:
      matchLabels: {{- include "turnfleet.selector" $ | nindent 8 }}
    # Without it a rollout counts the old pods too and leaves the new ones lopsided.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- with include "turnfleet.pulling" .root }}
{{ . }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "turnfleet.podMetadata" -}}
{{- $values := index .root.Values .component -}}
labels:
  {{- include "turnfleet.selector" . | nindent 2 }}
  # Not the chart's version: a chart that leaves the pods as they are restarts nothing.
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  kubectl.kubernetes.io/default-container: {{ .component }}
  {{- with .annotations }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "turnfleet.disruptionBudget" -}}
{{- $values := index .root.Values .component -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: turnfleet-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "turnfleet.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ $values.podDisruptionBudget.maxUnavailable }}
  # A pod that is broken anyway must not keep its node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "turnfleet.selector" . | nindent 6 }}
{{- end }}
