// Swagger UI over the edge's own description. Nothing is fetched from elsewhere: no validator badge, no fonts.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
