{{/* The application. */}}
{{- define "springBoot.app" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 59 | trimSuffix "-" -}}
{{- end -}}

{{/* The Deployment. */}}
{{- define "springBoot.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The Service: once per application and cluster. */}}
{{- define "springBoot.service" -}}
{{- include "springBoot.app" . }}-svc
{{- end -}}

{{/* The image's tag as a label's value. */}}
{{- define "springBoot.version" -}}
{{- $clean := regexReplaceAll "[^A-Za-z0-9_.-]" (include "springBoot.tag" .) "-" -}}
{{- regexReplaceAll "^[-_.]+" $clean "" | trunc 63 | regexFind "^.*[A-Za-z0-9]" -}}
{{- end -}}

{{- define "springBoot.tag" -}}
{{- required "container.image.tag is missing: in an AppSet it is the podSet's version" .Values.container.image.tag -}}
{{- end -}}

{{- define "springBoot.image" -}}
{{- $repository := .Values.container.image.repository | default (printf "dmall/%s" (include "springBoot.app" .)) -}}
{{- printf "%s:%s" $repository (include "springBoot.tag" .) -}}
{{- end -}}

{{/* What never changes while the release lives. */}}
{{- define "springBoot.selector" -}}
app: {{ include "springBoot.app" . | quote }}
release: {{ .Release.Name | quote }}
{{- end -}}

{{/* Labels of pods. Ours go before those that are given. */}}
{{- define "springBoot.labels" -}}
{{- $own := include "springBoot.selector" . | fromYaml -}}
{{- $_ := set $own "version" (include "springBoot.version" .) -}}
{{- toYaml (merge $own .Values.sym.labels .Values.sym.clusterLabels) -}}
{{- end -}}

{{/* Labels of objects that say which chart made them. */}}
{{- define "springBoot.made" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}
